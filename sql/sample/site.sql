-- A tea house's Bugzilla: the people, products and first six bugs that tests and the demo begin with.
--
-- people    1 admin, 2 alice, 3 bob, 4 carol (sees everything), 5 dave, 6 zofie (a name beyond ASCII)
-- groups    1 insiders, 2 security, 3 cellar
-- products  1 Kettle (public), 2 Teapot (public; group security may be set), 3 Cellar (group cellar is mandatory)
-- bugs      1, 2, 3 Kettle, public · 4 Teapot, public, with something in every field · 5 Cellar, private ·
--           6 Teapot, public, with a private comment and a private attachment
--
-- Everything that must never leave bugrelay holds the word "hush": tests look for it.
-- Field ids are not those of a fresh Bugzilla on purpose: they differ from site to site.

-- Understood by every database: a comment that begins with `!` is a statement to MySQL and MariaDB alone.
/*! SET NAMES utf8mb4, SESSION sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES') */;

INSERT INTO profiles (userid, login_name, realname) VALUES
  (1, 'admin@example.org', 'The Administrator'),
  (2, 'alice@example.org', 'Alice Rowan'),
  (3, 'bob@example.org', 'Bob Hazel'),
  (4, 'carol@example.org', 'Carol Birch'),
  (5, 'dave@example.org', ''),
  (6, 'zofie@example.org', 'Žofie Dvořáková 茶');

INSERT INTO "groups" (id, name, description, isbuggroup) VALUES
  (1, 'insiders', 'May read private comments and attachments', 1),
  (2, 'security', 'Handles security bugs', 1),
  (3, 'cellar', 'Works on what is not announced yet', 1);

INSERT INTO classifications (id, name, description) VALUES (1, 'Unclassified', 'Not assigned to any classification'), (2, 'Tea', 'What makes tea');

INSERT INTO products (id, name, classification_id, description) VALUES
  (1, 'Kettle', 2, 'Boils water'),
  (2, 'Teapot', 2, 'Holds tea'),
  (3, 'Cellar', 1, 'Not announced yet');

INSERT INTO components (id, name, product_id, initialowner, initialqacontact, description) VALUES
  (1, 'Lid', 1, 3, NULL, 'What closes it'),
  (2, 'Spout', 1, 3, 6, 'Where it comes out'),
  (3, 'Handle', 2, 2, NULL, 'Where one holds it'),
  (4, 'Casks', 3, 4, NULL, 'What lies there');

INSERT INTO versions (id, value, product_id) VALUES (1, '1.0', 1), (2, '2.0', 1), (3, 'unspecified', 2), (4, 'draft', 3);

INSERT INTO milestones (id, product_id, value, sortkey) VALUES (1, 1, '---', 0), (2, 1, 'spring', 10), (3, 1, 'autumn', 20), (4, 2, '---', 0), (5, 3, '---', 0);

-- 1 shown, 2 default, 3 mandatory (membercontrol); nobody outside may set it (othercontrol 0) or must (3)
INSERT INTO group_control_map (group_id, product_id, membercontrol, othercontrol) VALUES (2, 1, 1, 0), (2, 2, 1, 0), (3, 3, 3, 3);

INSERT INTO bug_status (id, value, sortkey, is_open) VALUES
  (1, 'UNCONFIRMED', 100, 1), (2, 'CONFIRMED', 200, 1), (3, 'IN_PROGRESS', 300, 1), (4, 'RESOLVED', 400, 0), (5, 'VERIFIED', 500, 0);

INSERT INTO fielddefs (id, name, type, custom, description, sortkey, is_numeric) VALUES
  (11, 'bug_id', 0, 0, 'Bug #', 100, 1),
  (12, 'short_desc', 0, 0, 'Summary', 200, 0),
  (13, 'classification', 2, 0, 'Classification', 300, 0),
  (14, 'product', 2, 0, 'Product', 400, 0),
  (15, 'version', 0, 0, 'Version', 500, 0),
  (16, 'rep_platform', 2, 0, 'Platform', 600, 0),
  (17, 'bug_file_loc', 0, 0, 'URL', 700, 0),
  (18, 'op_sys', 2, 0, 'OS/Version', 800, 0),
  (19, 'bug_status', 2, 0, 'Status', 900, 0),
  (20, 'status_whiteboard', 0, 0, 'Status Whiteboard', 1000, 0),
  (21, 'keywords', 8, 0, 'Keywords', 1100, 0),
  (22, 'resolution', 2, 0, 'Resolution', 1200, 0),
  (23, 'bug_severity', 2, 0, 'Severity', 1300, 0),
  (24, 'priority', 2, 0, 'Priority', 1400, 0),
  (25, 'component', 2, 0, 'Component', 1500, 0),
  (26, 'assigned_to', 0, 0, 'AssignedTo', 1600, 0),
  (27, 'reporter', 0, 0, 'ReportedBy', 1700, 0),
  (28, 'qa_contact', 0, 0, 'QAContact', 1800, 0),
  (29, 'cc', 0, 0, 'CC', 2200, 0),
  (30, 'dependson', 0, 0, 'Depends on', 2300, 1),
  (31, 'blocked', 0, 0, 'Blocks', 2400, 1),
  (32, 'attachments.description', 0, 0, 'Attachment description', 2500, 0),
  (33, 'attachments.filename', 0, 0, 'Attachment filename', 2600, 0),
  (34, 'attachments.mimetype', 0, 0, 'Attachment mime type', 2700, 0),
  (35, 'attachments.ispatch', 0, 0, 'Attachment is patch', 2800, 1),
  (36, 'attachments.isobsolete', 0, 0, 'Attachment is obsolete', 2900, 1),
  (37, 'attachments.isprivate', 0, 0, 'Attachment is private', 3000, 1),
  (38, 'attachments.submitter', 0, 0, 'Attachment creator', 3100, 0),
  (39, 'target_milestone', 0, 0, 'Target Milestone', 3200, 0),
  (40, 'creation_ts', 0, 0, 'Creation date', 3300, 0),
  (41, 'delta_ts', 0, 0, 'Last changed date', 3400, 0),
  (42, 'longdesc', 0, 0, 'Comment', 3500, 0),
  (43, 'longdescs.isprivate', 0, 0, 'Comment is private', 3600, 1),
  (44, 'alias', 0, 0, 'Alias', 3800, 0),
  (45, 'everconfirmed', 0, 0, 'Ever Confirmed', 3900, 1),
  (46, 'reporter_accessible', 0, 0, 'Reporter Accessible', 4000, 1),
  (47, 'cclist_accessible', 0, 0, 'CC Accessible', 4100, 1),
  (48, 'bug_group', 0, 0, 'Group', 4200, 0),
  (49, 'estimated_time', 0, 0, 'Estimated Hours', 4300, 1),
  (50, 'remaining_time', 0, 0, 'Remaining Hours', 4400, 1),
  (51, 'deadline', 5, 0, 'Deadline', 4500, 0),
  (52, 'flagtypes.name', 0, 0, 'Flags', 4700, 0),
  (53, 'requestees.login_name', 0, 0, 'Flag Requestee', 4800, 0),
  (54, 'setters.login_name', 0, 0, 'Flag Setter', 4900, 0),
  (55, 'work_time', 0, 0, 'Hours Worked', 5000, 1),
  (56, 'percentage_complete', 0, 0, 'Percentage Complete', 5100, 1),
  (57, 'see_also', 7, 0, 'See Also', 5500, 0),
  (71, 'cf_hint', 1, 1, 'Hint', 6000, 0),
  (72, 'cf_roast', 2, 1, 'Roast', 6010, 0),
  (73, 'cf_platforms', 3, 1, 'Platforms', 6020, 0),
  (74, 'cf_recipe', 4, 1, 'Recipe', 6030, 0),
  (75, 'cf_tasting', 5, 1, 'Tasting', 6040, 0),
  (76, 'cf_follows', 6, 1, 'Follows', 6050, 0),
  (77, 'cf_harvest', 9, 1, 'Harvest', 6060, 0),
  (78, 'cf_cups', 10, 1, 'Cups', 6070, 1);

INSERT INTO cf_roast (value, sortkey) VALUES ('---', 0), ('light', 10), ('dark', 20);
INSERT INTO cf_platforms (value, sortkey) VALUES ('gas', 0), ('induction', 10), ('open fire', 20);

INSERT INTO keyworddefs (id, name, description) VALUES (1, 'regression', 'Worked before'), (2, 'easy', 'Good to begin with'), (3, 'docs', 'Only words');

INSERT INTO flagtypes (id, name, description, target_type, is_requestable, is_requesteeble, is_multiplicable, sortkey) VALUES
  (1, 'needinfo', 'Somebody is asked', 'b', 1, 1, 1, 10),
  (2, 'blocker', 'Must be mended before a release', 'b', 1, 0, 0, 20),
  (3, 'review', 'A patch is to be read', 'a', 1, 1, 1, 10);

INSERT INTO bugs (bug_id, product_id, component_id, version, short_desc, bug_status, bug_severity, priority, op_sys, rep_platform,
                  reporter, assigned_to, qa_contact, everconfirmed, creation_ts, delta_ts, lastdiffed) VALUES
  (1, 1, 2, '1.0', 'The spout drips', 'CONFIRMED', 'normal', '---', 'All', 'All', 2, 3, 6, 1, '2026-01-05 08:00:00', '2026-01-05 08:00:00', '2026-01-05 08:00:01'),
  (2, 1, 2, '1.0', 'Water on the table', 'UNCONFIRMED', 'minor', '---', 'All', 'All', 5, 3, 6, 0, '2026-01-06 09:30:00', '2026-01-06 09:30:00', '2026-01-06 09:30:01'),
  (3, 1, 1, '2.0', 'The lid rattles', 'IN_PROGRESS', 'normal', 'Normal', 'Linux', 'PC', 3, 3, NULL, 1, '2026-01-07 10:00:00', '2026-01-07 10:00:00', '2026-01-07 10:00:01'),
  (4, 2, 3, 'unspecified', 'Čaj is served too hot ☕', 'CONFIRMED', 'enhancement', 'High', 'All', 'All', 6, 2, NULL, 1, '2026-01-08 11:00:00', '2026-01-09 12:00:00', '2026-01-09 12:00:01'),
  (5, 3, 4, 'draft', 'hush: the new cask', 'CONFIRMED', 'normal', '---', 'All', 'All', 4, 4, NULL, 1, '2026-01-10 13:00:00', '2026-01-10 13:00:00', '2026-01-10 13:00:01'),
  (6, 2, 3, 'unspecified', 'The handle is loose', 'CONFIRMED', 'major', 'High', 'All', 'All', 2, 2, NULL, 1, '2026-01-11 14:00:00', '2026-01-12 15:00:00', '2026-01-12 15:00:01');

UPDATE bugs SET bug_file_loc = 'https://tea.example.org/hot', status_whiteboard = '[summer]', deadline = '2026-06-30 00:00:00', estimated_time = 8, remaining_time = 5.5,
  cf_hint = 'wait a little', cf_roast = 'dark', cf_recipe = 'Boil.
Wait.
Pour.', cf_tasting = '2026-03-01 16:00:00', cf_follows = 1, cf_harvest = '2025-10-01', cf_cups = 3
  WHERE bug_id = 4;

INSERT INTO bug_cf_platforms (bug_id, value) VALUES (4, 'gas'), (4, 'open fire');
INSERT INTO keywords (bug_id, keywordid) VALUES (1, 1), (4, 2), (4, 3);
INSERT INTO cc (bug_id, who) VALUES (1, 4), (4, 3), (4, 5), (6, 3);
INSERT INTO dependencies (blocked, dependson) VALUES (4, 1);
INSERT INTO bugs_aliases (alias, bug_id) VALUES ('too-hot', 4), ('caj', 4);
INSERT INTO bug_see_also (bug_id, value, class) VALUES (4, 'https://bugs.example.net/show_bug.cgi?id=77', 'Bugzilla::BugUrl::Bugzilla');
INSERT INTO bug_group_map (bug_id, group_id) VALUES (5, 3);

INSERT INTO longdescs (comment_id, bug_id, who, bug_when, thetext, isprivate, type, extra_data) VALUES
  (1, 1, 2, '2026-01-05 08:00:00', 'After each cup one drop falls.', 0, 0, NULL),
  (2, 2, 5, '2026-01-06 09:30:00', 'The table is wet.', 0, 0, NULL),
  (3, 3, 3, '2026-01-07 10:00:00', 'It rattles when it boils.', 0, 0, NULL),
  (4, 4, 6, '2026-01-08 11:00:00', 'Příliš horký — "much" too hot.
> and a second line', 0, 0, NULL),
  (5, 4, 2, '2026-01-09 12:00:00', '', 0, 5, '1'),
  (6, 5, 4, '2026-01-10 13:00:00', 'hush: nobody may know of it', 0, 0, NULL),
  (7, 6, 2, '2026-01-11 14:00:00', 'It moves.', 0, 0, NULL),
  (8, 6, 4, '2026-01-12 14:30:00', 'hush: the supplier changed the glue', 1, 0, NULL),
  (9, 6, 4, '2026-01-12 15:00:00', 'hush: see the contract', 1, 5, '2');

INSERT INTO attachments (attach_id, bug_id, creation_ts, modification_time, description, mimetype, ispatch, filename, submitter_id, isprivate) VALUES
  (1, 4, '2026-01-09 12:00:00', '2026-01-09 12:00:00', 'A slower flame', 'text/plain', 1, 'flame.patch', 2, 0),
  (2, 6, '2026-01-12 15:00:00', '2026-01-12 15:00:00', 'hush: contract', 'application/pdf', 0, 'hush.pdf', 4, 1);

INSERT INTO attach_data (id, thedata) VALUES (1, '--- flame
+++ flame
'), (2, 'hush: %PDF');

INSERT INTO flags (id, type_id, status, bug_id, attach_id, creation_date, modification_date, setter_id, requestee_id) VALUES
  (1, 2, '+', 4, NULL, '2026-01-09 12:00:00', '2026-01-09 12:00:00', 4, NULL),
  (2, 3, '?', 4, 1, '2026-01-09 12:00:00', '2026-01-09 12:00:00', 2, 3);

INSERT INTO bugs_activity (id, bug_id, attach_id, who, bug_when, fieldid, removed, added) VALUES
  (1, 4, NULL, 4, '2026-01-09 12:00:00', 52, '', 'blocker+'),
  (2, 4, 1, 2, '2026-01-09 12:00:00', 52, '', 'review?(bob@example.org)');

-- One row for each bug, as Bugzilla fills it.
INSERT INTO bugs_fulltext (bug_id, short_desc, comments, comments_noprivate) VALUES
  (1, 'The spout drips', 'After each cup one drop falls.', 'After each cup one drop falls.'),
  (2, 'Water on the table', 'The table is wet.', 'The table is wet.'),
  (3, 'The lid rattles', 'It rattles when it boils.', 'It rattles when it boils.'),
  (4, 'Čaj is served too hot ☕', 'Příliš horký — "much" too hot.
> and a second line
', 'Příliš horký — "much" too hot.
> and a second line
'),
  (5, 'hush: the new cask', 'hush: nobody may know of it', 'hush: nobody may know of it'),
  (6, 'The handle is loose', 'It moves.
hush: the supplier changed the glue
hush: see the contract', 'It moves.');
