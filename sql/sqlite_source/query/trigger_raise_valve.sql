-- Opens the valve wider (trigger capture).
UPDATE bugrelay_state SET closed_above = max(closed_above, newest + ?1)
