-- Makes the site a Bugzilla 5.3: people have an address beside their login, and more columns stand about.
-- On MariaDB its checksetup turns the table for searches to MyISAM.

ALTER TABLE profiles ADD COLUMN email varchar(255) NOT NULL DEFAULT '' /*! AFTER login_name */;
UPDATE profiles SET email = CONCAT('mail', userid, '@elsewhere.example.org');
CREATE UNIQUE INDEX profiles_email_idx ON profiles (email);
ALTER TABLE profiles ALTER COLUMN email DROP DEFAULT;
ALTER TABLE longdescs ADD COLUMN is_markdown smallint NOT NULL DEFAULT 0 /*! AFTER bug_id */;
ALTER TABLE keyworddefs ADD COLUMN is_active smallint NOT NULL DEFAULT 1;
/*! ALTER TABLE bugs_fulltext DROP FOREIGN KEY bugs_fulltext_ibfk_1 */;
/*! ALTER TABLE bugs_fulltext ENGINE = MyISAM */;
