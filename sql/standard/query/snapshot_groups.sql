-- The groups that hide bugs (snapshot). A group that is gone still hides: its name is unknown then.
SELECT m.bug_id, COALESCE(g.name, '') FROM bug_group_map m LEFT JOIN "groups" g ON g.id = m.group_id WHERE m.bug_id IN ({bugs})
