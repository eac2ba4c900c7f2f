-- How many comments bugs have: whether what is known of them is all, and is there still (snapshot). An index of Bugzilla's answers it.
SELECT bug_id, COUNT(*) FROM longdescs WHERE bug_id IN ({bugs}) GROUP BY bug_id
