-- Whether comments are there and private (judgement at each attempt to send).
SELECT comment_id, bug_id, isprivate FROM longdescs WHERE comment_id IN ({comments})
