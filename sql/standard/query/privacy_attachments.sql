-- Whether attachments are there and private (judgement at each attempt to send).
SELECT attach_id, bug_id, isprivate FROM attachments WHERE attach_id IN ({attachments})
