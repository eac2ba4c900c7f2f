-- Which installation of the triggers (trigger capture).
SELECT installation FROM bugrelay_state
