-- A small Bugzilla 5.2 for tests and the demo: every table that bugrelay reads, and those that Bugzilla writes beside them.
--
-- Column names, types, defaults, keys and indexes are those of a Bugzilla 5.2 on MariaDB, because bugrelay depends on them.
-- Left out are the tables that neither matter to a reader of changes nor are written by a save (saved searches, mail
-- settings, tokens, ...) and the value tables of the standard selects other than bug_status, which are never read.
-- Tables whose only key is a unique index (cc, keywords, bug_group_map, ...) have no primary key in Bugzilla either.
--
-- Load into an empty database with the default character set utf8mb4.

SET FOREIGN_KEY_CHECKS = 0;

-- People and groups ------------------------------------------------------------------------------------------------

CREATE TABLE profiles (
  userid mediumint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  login_name varchar(255) NOT NULL,
  cryptpassword varchar(128),
  realname varchar(255) NOT NULL DEFAULT '',
  disabledtext mediumtext NOT NULL DEFAULT (''),
  disable_mail tinyint NOT NULL DEFAULT 0,
  mybugslink tinyint NOT NULL DEFAULT 1,
  extern_id varchar(64),
  is_enabled tinyint NOT NULL DEFAULT 1,
  last_seen_date datetime,
  UNIQUE KEY profiles_login_name_idx (login_name),
  UNIQUE KEY profiles_extern_id_idx (extern_id)
);

CREATE TABLE `groups` (
  id mediumint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name varchar(255) NOT NULL,
  description mediumtext NOT NULL,
  isbuggroup tinyint NOT NULL,
  userregexp tinytext NOT NULL DEFAULT (''),
  isactive tinyint NOT NULL DEFAULT 1,
  icon_url tinytext,
  UNIQUE KEY groups_name_idx (name)
);

-- Products and what belongs to them --------------------------------------------------------------------------------

CREATE TABLE classifications (
  id smallint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name varchar(64) NOT NULL,
  description mediumtext,
  sortkey smallint NOT NULL DEFAULT 0,
  UNIQUE KEY classifications_name_idx (name)
);

CREATE TABLE products (
  id smallint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name varchar(64) NOT NULL,
  classification_id smallint NOT NULL DEFAULT 1,
  description mediumtext NOT NULL,
  isactive tinyint NOT NULL DEFAULT 1,
  defaultmilestone varchar(64) NOT NULL DEFAULT '---',
  allows_unconfirmed tinyint NOT NULL DEFAULT 1,
  UNIQUE KEY products_name_idx (name),
  FOREIGN KEY (classification_id) REFERENCES classifications (id) ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE TABLE components (
  id mediumint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name varchar(64) NOT NULL,
  product_id smallint NOT NULL,
  initialowner mediumint NOT NULL,
  initialqacontact mediumint,
  description mediumtext NOT NULL,
  isactive tinyint NOT NULL DEFAULT 1,
  UNIQUE KEY components_product_id_idx (product_id, name),
  KEY components_name_idx (name),
  FOREIGN KEY (product_id) REFERENCES products (id) ON DELETE CASCADE ON UPDATE CASCADE,
  FOREIGN KEY (initialowner) REFERENCES profiles (userid) ON UPDATE CASCADE,
  FOREIGN KEY (initialqacontact) REFERENCES profiles (userid) ON DELETE SET NULL ON UPDATE CASCADE
);

CREATE TABLE versions (
  id mediumint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  value varchar(64) NOT NULL,
  product_id smallint NOT NULL,
  isactive tinyint NOT NULL DEFAULT 1,
  UNIQUE KEY versions_product_id_idx (product_id, value),
  FOREIGN KEY (product_id) REFERENCES products (id) ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE TABLE milestones (
  id mediumint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  product_id smallint NOT NULL,
  value varchar(64) NOT NULL,
  sortkey smallint NOT NULL DEFAULT 0,
  isactive tinyint NOT NULL DEFAULT 1,
  UNIQUE KEY milestones_product_id_idx (product_id, value),
  FOREIGN KEY (product_id) REFERENCES products (id) ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE TABLE group_control_map (
  group_id mediumint NOT NULL,
  product_id smallint NOT NULL,
  entry tinyint NOT NULL DEFAULT 0,
  membercontrol tinyint NOT NULL DEFAULT 0,
  othercontrol tinyint NOT NULL DEFAULT 0,
  canedit tinyint NOT NULL DEFAULT 0,
  editcomponents tinyint NOT NULL DEFAULT 0,
  editbugs tinyint NOT NULL DEFAULT 0,
  canconfirm tinyint NOT NULL DEFAULT 0,
  UNIQUE KEY group_control_map_product_id_idx (product_id, group_id),
  KEY group_control_map_group_id_idx (group_id),
  FOREIGN KEY (group_id) REFERENCES `groups` (id) ON DELETE CASCADE ON UPDATE CASCADE,
  FOREIGN KEY (product_id) REFERENCES products (id) ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE TABLE bug_status (
  id smallint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  value varchar(64) NOT NULL,
  sortkey smallint NOT NULL DEFAULT 0,
  isactive tinyint NOT NULL DEFAULT 1,
  visibility_value_id smallint,
  is_open tinyint NOT NULL DEFAULT 1,
  UNIQUE KEY bug_status_value_idx (value),
  KEY bug_status_sortkey_idx (sortkey, value),
  KEY bug_status_visibility_value_id_idx (visibility_value_id)
);

-- type: 0 and 1 text, 2 one of a list, 3 several of a list, 4 text area, 5 date and time, 6 bug, 7 addresses of bugs, 8 keywords, 9 date, 10 number
CREATE TABLE fielddefs (
  id mediumint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name varchar(64) NOT NULL,
  type smallint NOT NULL DEFAULT 0,
  custom tinyint NOT NULL DEFAULT 0,
  description tinytext NOT NULL,
  long_desc varchar(255) NOT NULL DEFAULT '',
  mailhead tinyint NOT NULL DEFAULT 0,
  sortkey smallint NOT NULL,
  obsolete tinyint NOT NULL DEFAULT 0,
  enter_bug tinyint NOT NULL DEFAULT 0,
  buglist tinyint NOT NULL DEFAULT 0,
  visibility_field_id mediumint,
  value_field_id mediumint,
  reverse_desc tinytext,
  is_mandatory tinyint NOT NULL DEFAULT 0,
  is_numeric tinyint NOT NULL DEFAULT 0,
  UNIQUE KEY fielddefs_name_idx (name),
  KEY fielddefs_sortkey_idx (sortkey),
  KEY fielddefs_value_field_id_idx (value_field_id),
  KEY fielddefs_is_mandatory_idx (is_mandatory),
  FOREIGN KEY (visibility_field_id) REFERENCES fielddefs (id) ON UPDATE CASCADE,
  FOREIGN KEY (value_field_id) REFERENCES fielddefs (id) ON UPDATE CASCADE
);

-- The values of the custom field cf_roast (one of a list), and of cf_platforms (several of a list).
CREATE TABLE cf_roast (
  id smallint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  value varchar(64) NOT NULL,
  sortkey smallint NOT NULL DEFAULT 0,
  isactive tinyint NOT NULL DEFAULT 1,
  visibility_value_id smallint,
  UNIQUE KEY cf_roast_value_idx (value)
);

CREATE TABLE cf_platforms LIKE cf_roast;

-- Bugs -------------------------------------------------------------------------------------------------------------

CREATE TABLE bugs (
  bug_id mediumint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  assigned_to mediumint NOT NULL,
  bug_file_loc mediumtext NOT NULL DEFAULT (''),
  bug_severity varchar(64) NOT NULL,
  bug_status varchar(64) NOT NULL,
  creation_ts datetime,
  delta_ts datetime NOT NULL,
  short_desc varchar(255) NOT NULL,
  op_sys varchar(64) NOT NULL,
  priority varchar(64) NOT NULL,
  product_id smallint NOT NULL,
  rep_platform varchar(64) NOT NULL,
  reporter mediumint NOT NULL,
  version varchar(64) NOT NULL,
  component_id mediumint NOT NULL,
  resolution varchar(64) NOT NULL DEFAULT '',
  target_milestone varchar(64) NOT NULL DEFAULT '---',
  qa_contact mediumint,
  status_whiteboard mediumtext NOT NULL DEFAULT (''),
  lastdiffed datetime,
  everconfirmed tinyint NOT NULL,
  reporter_accessible tinyint NOT NULL DEFAULT 1,
  cclist_accessible tinyint NOT NULL DEFAULT 1,
  estimated_time decimal(7,2) NOT NULL DEFAULT 0,
  remaining_time decimal(7,2) NOT NULL DEFAULT 0,
  deadline datetime,
  cf_hint varchar(255) NOT NULL DEFAULT '',
  cf_roast varchar(64) NOT NULL DEFAULT '---',
  cf_recipe mediumtext NOT NULL DEFAULT (''),
  cf_tasting datetime,
  cf_follows mediumint,
  cf_harvest date,
  cf_cups int NOT NULL DEFAULT 0,
  KEY bugs_assigned_to_idx (assigned_to),
  KEY bugs_creation_ts_idx (creation_ts),
  KEY bugs_delta_ts_idx (delta_ts),
  KEY bugs_bug_severity_idx (bug_severity),
  KEY bugs_bug_status_idx (bug_status),
  KEY bugs_op_sys_idx (op_sys),
  KEY bugs_priority_idx (priority),
  KEY bugs_product_id_idx (product_id),
  KEY bugs_reporter_idx (reporter),
  KEY bugs_version_idx (version),
  KEY bugs_component_id_idx (component_id),
  KEY bugs_resolution_idx (resolution),
  KEY bugs_target_milestone_idx (target_milestone),
  KEY bugs_qa_contact_idx (qa_contact),
  FOREIGN KEY (assigned_to) REFERENCES profiles (userid) ON UPDATE CASCADE,
  FOREIGN KEY (reporter) REFERENCES profiles (userid) ON UPDATE CASCADE,
  FOREIGN KEY (qa_contact) REFERENCES profiles (userid) ON UPDATE CASCADE,
  FOREIGN KEY (product_id) REFERENCES products (id) ON UPDATE CASCADE,
  FOREIGN KEY (component_id) REFERENCES components (id) ON UPDATE CASCADE
);

CREATE TABLE bug_cf_platforms (
  bug_id mediumint NOT NULL,
  value varchar(64) NOT NULL,
  UNIQUE KEY bug_cf_platforms_bug_id_idx (bug_id, value),
  FOREIGN KEY (bug_id) REFERENCES bugs (bug_id) ON DELETE CASCADE ON UPDATE CASCADE,
  FOREIGN KEY (value) REFERENCES cf_platforms (value) ON UPDATE CASCADE
);

CREATE TABLE longdescs (
  comment_id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  bug_id mediumint NOT NULL,
  who mediumint NOT NULL,
  bug_when datetime NOT NULL,
  work_time decimal(7,2) NOT NULL DEFAULT 0,
  thetext mediumtext NOT NULL,
  isprivate tinyint NOT NULL DEFAULT 0,
  already_wrapped tinyint NOT NULL DEFAULT 0,
  type smallint NOT NULL DEFAULT 0,
  extra_data varchar(255),
  KEY longdescs_bug_id_idx (bug_id, work_time),
  KEY longdescs_who_idx (who, bug_id),
  KEY longdescs_bug_when_idx (bug_when),
  FOREIGN KEY (bug_id) REFERENCES bugs (bug_id) ON DELETE CASCADE ON UPDATE CASCADE,
  FOREIGN KEY (who) REFERENCES profiles (userid) ON UPDATE CASCADE
);

CREATE TABLE attachments (
  attach_id mediumint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  bug_id mediumint NOT NULL,
  creation_ts datetime NOT NULL,
  modification_time datetime NOT NULL,
  description tinytext NOT NULL,
  mimetype tinytext NOT NULL,
  ispatch tinyint NOT NULL DEFAULT 0,
  filename varchar(255) NOT NULL,
  submitter_id mediumint NOT NULL,
  isobsolete tinyint NOT NULL DEFAULT 0,
  isprivate tinyint NOT NULL DEFAULT 0,
  KEY attachments_bug_id_idx (bug_id),
  KEY attachments_creation_ts_idx (creation_ts),
  KEY attachments_modification_time_idx (modification_time),
  KEY attachments_submitter_id_idx (submitter_id, bug_id),
  FOREIGN KEY (bug_id) REFERENCES bugs (bug_id) ON DELETE CASCADE ON UPDATE CASCADE,
  FOREIGN KEY (submitter_id) REFERENCES profiles (userid) ON UPDATE CASCADE
);

CREATE TABLE attach_data (
  id mediumint NOT NULL PRIMARY KEY,
  thedata longblob NOT NULL,
  FOREIGN KEY (id) REFERENCES attachments (attach_id) ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE TABLE bugs_activity (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  bug_id mediumint NOT NULL,
  attach_id mediumint,
  who mediumint NOT NULL,
  bug_when datetime NOT NULL,
  fieldid mediumint NOT NULL,
  added varchar(255),
  removed varchar(255),
  comment_id int,
  KEY bugs_activity_bug_id_idx (bug_id),
  KEY bugs_activity_who_idx (who),
  KEY bugs_activity_bug_when_idx (bug_when),
  KEY bugs_activity_fieldid_idx (fieldid),
  KEY bugs_activity_added_idx (added),
  KEY bugs_activity_removed_idx (removed),
  FOREIGN KEY (bug_id) REFERENCES bugs (bug_id) ON DELETE CASCADE ON UPDATE CASCADE,
  FOREIGN KEY (attach_id) REFERENCES attachments (attach_id) ON DELETE CASCADE ON UPDATE CASCADE,
  FOREIGN KEY (comment_id) REFERENCES longdescs (comment_id) ON DELETE CASCADE ON UPDATE CASCADE,
  FOREIGN KEY (who) REFERENCES profiles (userid) ON UPDATE CASCADE,
  FOREIGN KEY (fieldid) REFERENCES fielddefs (id) ON UPDATE CASCADE
);

-- target_type: b bug, a attachment
CREATE TABLE flagtypes (
  id mediumint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name varchar(50) NOT NULL,
  description mediumtext NOT NULL,
  cc_list varchar(200),
  target_type char(1) NOT NULL DEFAULT 'b',
  is_active tinyint NOT NULL DEFAULT 1,
  is_requestable tinyint NOT NULL DEFAULT 0,
  is_requesteeble tinyint NOT NULL DEFAULT 0,
  is_multiplicable tinyint NOT NULL DEFAULT 0,
  sortkey smallint NOT NULL DEFAULT 0,
  grant_group_id mediumint,
  request_group_id mediumint,
  FOREIGN KEY (grant_group_id) REFERENCES `groups` (id) ON DELETE SET NULL ON UPDATE CASCADE,
  FOREIGN KEY (request_group_id) REFERENCES `groups` (id) ON DELETE SET NULL ON UPDATE CASCADE
);

CREATE TABLE flags (
  id mediumint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  type_id mediumint NOT NULL,
  status char(1) NOT NULL,
  bug_id mediumint NOT NULL,
  attach_id mediumint,
  creation_date datetime NOT NULL,
  modification_date datetime,
  setter_id mediumint NOT NULL,
  requestee_id mediumint,
  KEY flags_bug_id_idx (bug_id, attach_id),
  KEY flags_setter_id_idx (setter_id),
  KEY flags_requestee_id_idx (requestee_id),
  KEY flags_type_id_idx (type_id),
  FOREIGN KEY (type_id) REFERENCES flagtypes (id) ON DELETE CASCADE ON UPDATE CASCADE,
  FOREIGN KEY (bug_id) REFERENCES bugs (bug_id) ON DELETE CASCADE ON UPDATE CASCADE,
  FOREIGN KEY (attach_id) REFERENCES attachments (attach_id) ON DELETE CASCADE ON UPDATE CASCADE,
  FOREIGN KEY (setter_id) REFERENCES profiles (userid) ON UPDATE CASCADE,
  FOREIGN KEY (requestee_id) REFERENCES profiles (userid) ON UPDATE CASCADE
);

CREATE TABLE bug_group_map (
  bug_id mediumint NOT NULL,
  group_id mediumint NOT NULL,
  UNIQUE KEY bug_group_map_bug_id_idx (bug_id, group_id),
  KEY bug_group_map_group_id_idx (group_id),
  FOREIGN KEY (bug_id) REFERENCES bugs (bug_id) ON DELETE CASCADE ON UPDATE CASCADE,
  FOREIGN KEY (group_id) REFERENCES `groups` (id) ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE TABLE keyworddefs (
  id smallint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name varchar(64) NOT NULL,
  description mediumtext NOT NULL,
  UNIQUE KEY keyworddefs_name_idx (name)
);

CREATE TABLE keywords (
  bug_id mediumint NOT NULL,
  keywordid smallint NOT NULL,
  UNIQUE KEY keywords_bug_id_idx (bug_id, keywordid),
  KEY keywords_keywordid_idx (keywordid),
  FOREIGN KEY (bug_id) REFERENCES bugs (bug_id) ON DELETE CASCADE ON UPDATE CASCADE,
  FOREIGN KEY (keywordid) REFERENCES keyworddefs (id) ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE TABLE cc (
  bug_id mediumint NOT NULL,
  who mediumint NOT NULL,
  UNIQUE KEY cc_bug_id_idx (bug_id, who),
  KEY cc_who_idx (who),
  FOREIGN KEY (bug_id) REFERENCES bugs (bug_id) ON DELETE CASCADE ON UPDATE CASCADE,
  FOREIGN KEY (who) REFERENCES profiles (userid) ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE TABLE dependencies (
  blocked mediumint NOT NULL,
  dependson mediumint NOT NULL,
  UNIQUE KEY dependencies_blocked_idx (blocked, dependson),
  KEY dependencies_dependson_idx (dependson),
  FOREIGN KEY (blocked) REFERENCES bugs (bug_id) ON DELETE CASCADE ON UPDATE CASCADE,
  FOREIGN KEY (dependson) REFERENCES bugs (bug_id) ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE TABLE duplicates (
  dupe_of mediumint NOT NULL,
  dupe mediumint NOT NULL PRIMARY KEY,
  FOREIGN KEY (dupe_of) REFERENCES bugs (bug_id) ON DELETE CASCADE ON UPDATE CASCADE,
  FOREIGN KEY (dupe) REFERENCES bugs (bug_id) ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE TABLE bugs_aliases (
  alias varchar(40) NOT NULL,
  bug_id mediumint,
  UNIQUE KEY bugs_aliases_alias_idx (alias),
  KEY bugs_aliases_bug_id_idx (bug_id),
  FOREIGN KEY (bug_id) REFERENCES bugs (bug_id) ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE TABLE bug_see_also (
  id mediumint NOT NULL AUTO_INCREMENT PRIMARY KEY,
  bug_id mediumint NOT NULL,
  value varchar(255) NOT NULL,
  class varchar(255) NOT NULL DEFAULT '',
  UNIQUE KEY bug_see_also_bug_id_idx (bug_id, value),
  FOREIGN KEY (bug_id) REFERENCES bugs (bug_id) ON DELETE CASCADE ON UPDATE CASCADE
);

-- Written beside a save, and none of bugrelay's business: two of them hold private texts -------------------------------

CREATE TABLE bugs_fulltext (
  bug_id mediumint NOT NULL PRIMARY KEY,
  short_desc varchar(255) NOT NULL,
  comments mediumtext,
  comments_noprivate mediumtext,
  FULLTEXT KEY bugs_fulltext_short_desc_idx (short_desc),
  FULLTEXT KEY bugs_fulltext_comments_idx (comments),
  FULLTEXT KEY bugs_fulltext_comments_noprivate_idx (comments_noprivate),
  FOREIGN KEY (bug_id) REFERENCES bugs (bug_id) ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE TABLE mail_staging (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  message longblob NOT NULL
);

CREATE TABLE bug_user_last_visit (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  user_id mediumint NOT NULL,
  bug_id mediumint NOT NULL,
  last_visit_ts datetime NOT NULL,
  UNIQUE KEY bug_user_last_visit_idx (user_id, bug_id),
  KEY bug_user_last_visit_last_visit_ts_idx (last_visit_ts),
  FOREIGN KEY (user_id) REFERENCES profiles (userid) ON DELETE CASCADE ON UPDATE CASCADE,
  FOREIGN KEY (bug_id) REFERENCES bugs (bug_id) ON DELETE CASCADE ON UPDATE CASCADE
);

CREATE TABLE audit_log (
  user_id mediumint,
  class varchar(255) NOT NULL,
  object_id int NOT NULL,
  field varchar(64) NOT NULL,
  removed mediumtext,
  added mediumtext,
  at_time datetime NOT NULL,
  KEY audit_log_class_idx (class, at_time),
  FOREIGN KEY (user_id) REFERENCES profiles (userid) ON DELETE SET NULL ON UPDATE CASCADE
);

SET FOREIGN_KEY_CHECKS = 1;
