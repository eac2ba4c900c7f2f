-- Bugs with the names of what they point to (snapshot).
-- Names are compared letter by letter: on MySQL and MariaDB, whose eyes alone see what stands in `/*!`, each table may have a charset and
-- a collation of its own, and two that do not mix would be refused.
SELECT b.bug_id, b.creation_ts, b.delta_ts, b.short_desc, b.bug_file_loc, b.status_whiteboard,
       b.resolution, b.bug_severity, b.priority, b.op_sys, b.rep_platform,
       b.product_id, p.name, cl.name, b.component_id, c.name,
       v.id, b.version, m.id, b.target_milestone, s.id, b.bug_status,
       b.assigned_to, ua.login_name, ua.realname,
       b.reporter, ur.login_name, ur.realname,
       b.qa_contact, uq.login_name, uq.realname{columns}
FROM bugs b
LEFT JOIN products p ON p.id = b.product_id
LEFT JOIN classifications cl ON cl.id = p.classification_id
LEFT JOIN components c ON c.id = b.component_id
LEFT JOIN versions v ON v.product_id = b.product_id AND v.value = /*! CONVERT( */ b.version /*! USING utf8mb4) COLLATE utf8mb4_bin */
LEFT JOIN milestones m ON m.product_id = b.product_id AND m.value = /*! CONVERT( */ b.target_milestone /*! USING utf8mb4) COLLATE utf8mb4_bin */
LEFT JOIN bug_status s ON s.value = /*! CONVERT( */ b.bug_status /*! USING utf8mb4) COLLATE utf8mb4_bin */
LEFT JOIN profiles ua ON ua.userid = b.assigned_to
LEFT JOIN profiles ur ON ur.userid = b.reporter
LEFT JOIN profiles uq ON uq.userid = b.qa_contact
WHERE b.bug_id IN ({bugs})
