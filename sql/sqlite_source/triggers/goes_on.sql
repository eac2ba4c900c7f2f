(q.who IS {who} AND q.at IS {at} OR q.who IS NULL AND q.bug IS {bug}) AND NOT EXISTS (
           SELECT 1 FROM bugrelay_queue t WHERE t."transaction" = q."transaction" AND t.kind = 't' AND t.bug = {bug})
