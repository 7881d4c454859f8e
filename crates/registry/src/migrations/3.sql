-- For values whose algorithm is not told.
CREATE INDEX bindings_by_value ON bindings (value);
