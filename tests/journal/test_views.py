"""The views that all tables come from, held as a table or not, say the same."""

from pathlib import Path

from detector.journal import define_views, hold_files, read_database


def test_files_that_are_held_are_those_of_the_view(samples: Path) -> None:
    with read_database(samples / "report") as connection:
        define_views(connection)
        whole = "SELECT *, typeof(cluster_distance), typeof(duration_seconds) FROM temp.files ORDER BY path"
        viewed = connection.execute(whole)
        columns, rows = [column[0] for column in viewed.description], viewed.fetchall()
        hold_files(connection)
        held = connection.execute(whole)
        assert [column[0] for column in held.description] == columns
        assert held.fetchall() == rows
        assert len(rows) == 8
        define_views(connection)
        assert connection.execute("SELECT type FROM sqlite_temp_master WHERE name = 'files'").fetchall() == [
            ("view",)
        ]
