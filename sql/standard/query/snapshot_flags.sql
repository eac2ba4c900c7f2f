-- Flags of bugs and of their attachments, in the order in which they are told (snapshot).
SELECT f.bug_id, f.attach_id, f.id, t.name, f.status, f.requestee_id, u.login_name, u.realname
FROM flags f
JOIN flagtypes t ON t.id = f.type_id
LEFT JOIN profiles u ON u.userid = f.requestee_id
WHERE f.bug_id IN ({bugs})
ORDER BY t.sortkey, t.name, f.id
