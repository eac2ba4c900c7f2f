-- Opens the valve wider (trigger capture), and tells where it stood. Never waits: a row that somebody holds is tried for again later.
START TRANSACTION;
SELECT closed_above FROM {valve} WHERE one = 1 FOR UPDATE NOWAIT;
UPDATE {valve} SET closed_above = GREATEST(closed_above, {above}) WHERE one = 1;
COMMIT
