-- What the triggers need, table by table, and nothing else.
GRANT SELECT (id), INSERT, DELETE ON {queue} TO {definer};
GRANT SELECT ON {valve} TO {definer};
GRANT TRIGGER, SELECT (bug_id, reporter, creation_ts, delta_ts) ON {database}.bugs TO {definer};
GRANT TRIGGER, SELECT (id, bug_id, who, bug_when, fieldid, attach_id, comment_id) ON {database}.bugs_activity TO {definer};
GRANT TRIGGER, SELECT (comment_id, bug_id, who, bug_when) ON {database}.longdescs TO {definer};
GRANT TRIGGER, SELECT (attach_id, bug_id, submitter_id, creation_ts) ON {database}.attachments TO {definer};
GRANT TRIGGER, SELECT (dupe, dupe_of) ON {database}.duplicates TO {definer};
