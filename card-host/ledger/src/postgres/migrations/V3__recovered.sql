-- What was recovered after a restore, wherever it was handed in: few entries among many.
CREATE INDEX entry_recovered ON entry (point, number) WHERE kind = 'recover';
