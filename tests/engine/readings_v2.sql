-- Readings as the second form of the file held them: one concurrent, and one second read whose
-- answer came later and was revealed. Written by that version, dumped with its header fields.
PRAGMA application_id=1112692306;
PRAGMA user_version=2;
BEGIN TRANSACTION;
CREATE TABLE answers (  -- on readings made while the answer was hidden
    reading INTEGER PRIMARY KEY REFERENCES readings (id),
    prediction TEXT NOT NULL,  -- as in readings
    stored_at TEXT NOT NULL
);
INSERT INTO "answers" VALUES(2,'{"model": "light", "sha256": "abababababababababababababababababababababababababababababababab", "categories": [1, 3, 4, 5], "probabilities": {"1": 0.125, "3": 0.25, "4": 0.5, "5": 0.125}, "category": 4, "confidence": 0.5, "scope_reason": null, "malignancy": 0.375}','2026-11-22T03:55:18.968025+00:00');
CREATE TABLE readings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused
    supersedes INTEGER UNIQUE REFERENCES readings (id),  -- unique: a chain, not a tree
    study_uid TEXT NOT NULL,
    image_uids TEXT NOT NULL,  -- JSON array
    patient_id TEXT NOT NULL,
    laterality TEXT NOT NULL CHECK (laterality IN ('R', 'L')),
    reader TEXT NOT NULL,
    category TEXT NOT NULL,
    proposed_agreement TEXT NOT NULL,
    agreement TEXT NOT NULL,
    reason TEXT NOT NULL,
    comment TEXT NOT NULL,
    prediction TEXT,  -- JSON object, see _prediction_to_json; NULL: the model had said nothing
    reading_mode TEXT NOT NULL,
    opened_at TEXT NOT NULL,  -- ISO 8601 with UTC offset
    recorded_at TEXT NOT NULL
, category_before TEXT, revealed_at TEXT, time_spent_s REAL);
INSERT INTO "readings" VALUES(1,NULL,'1.2.3','["1.2.3.1", "1.2.3.2"]','A-17','R','Dr. Ñandú','2','disagree','disagree','false mark','skin fold — not a mass','{"model": "light", "sha256": "abababababababababababababababababababababababababababababababab", "categories": [1, 3, 4, 5], "probabilities": {"1": 0.125, "3": 0.25, "4": 0.5, "5": 0.125}, "category": 4, "confidence": 0.5, "scope_reason": null, "malignancy": 0.375}','concurrent','2026-11-21T11:59:23.250000+00:00','2026-11-21T12:00:03.250000+00:00',NULL,NULL,NULL);
INSERT INTO "readings" VALUES(2,NULL,'1.2.3','["1.2.3.1", "1.2.3.2"]','A-17','L','Dr. Ñandú','2','not comparable','not comparable','','skin fold — not a mass',NULL,'second read','2026-11-21T11:59:23.250000+00:00','2026-11-21T12:00:03.250000+00:00',NULL,NULL,NULL);
CREATE TABLE reveals (  -- of those answers
    reading INTEGER PRIMARY KEY REFERENCES readings (id),
    revealed_at TEXT NOT NULL
);
INSERT INTO "reveals" VALUES(2,'2026-11-21T12:00:03.250000+00:00');
CREATE INDEX readings_of_study ON readings (study_uid);
CREATE TRIGGER readings_are_never_edited BEFORE UPDATE ON readings
    BEGIN SELECT RAISE (ABORT, 'a reading is never edited, only superseded'); END;
CREATE TRIGGER readings_are_never_deleted BEFORE DELETE ON readings
    BEGIN SELECT RAISE (ABORT, 'a reading is never deleted, only superseded'); END;
CREATE TRIGGER answers_are_never_edited BEFORE UPDATE ON answers
    BEGIN SELECT RAISE (ABORT, 'an answer is never edited'); END;
CREATE TRIGGER answers_are_never_deleted BEFORE DELETE ON answers
    BEGIN SELECT RAISE (ABORT, 'an answer is never deleted'); END;
CREATE TRIGGER reveals_are_never_edited BEFORE UPDATE ON reveals
    BEGIN SELECT RAISE (ABORT, 'a reveal is never edited'); END;
CREATE TRIGGER reveals_are_never_deleted BEFORE DELETE ON reveals
    BEGIN SELECT RAISE (ABORT, 'a reveal is never deleted'); END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('readings',2);
COMMIT;
