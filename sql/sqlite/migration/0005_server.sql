-- Which server the position is one of, as the capture tells it from others (JSON). NULL until a version that knows stores a position.

ALTER TABLE state ADD COLUMN server TEXT;
