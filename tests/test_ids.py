import sqlite3

from detector.ids import detection_id, detection_id_sql


def test_a_detection_has_the_same_id_in_sql() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE d (sha256 TEXT, frame_index INTEGER, rank INTEGER)")
    connection.execute("INSERT INTO d VALUES (?, 70, 3)", ("0123456789abcdef" * 4,))
    (in_sql,) = connection.execute(f"SELECT {detection_id_sql('d')} FROM d").fetchone()
    assert in_sql == detection_id("0123456789abcdef" * 4, 70, 3)
