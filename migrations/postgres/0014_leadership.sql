-- Which of the control planes on one database leads: at most one row, written by the first that led. The term grows with every
-- change of leader, and what is written in an older one is refused; the beat grows for as long as the leader lives.
CREATE TABLE leadership (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    term BIGINT NOT NULL,
    beat BIGINT NOT NULL,
    holder TEXT NOT NULL,
    address TEXT NOT NULL,
    keys TEXT NOT NULL
);
