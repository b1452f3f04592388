"""Files are whole or absent, their damage is noticed, and only files are replaced."""

import os
from pathlib import Path

import pytest
from damage import flip

from sklearn_emerge._files import check_writable, read_sealed, seal, write_atomically


def test_a_flipped_bit_of_every_byte_is_noticed(tmp_path):
    path = tmp_path / "file"
    whole = b"".join(seal(b"some bytes"))
    for byte in range(len(whole)):
        path.write_bytes(whole)
        flip(path, 8 * byte + byte % 8)
        with pytest.raises(ValueError, match="it is damaged"):
            read_sealed(path)
    path.write_bytes(whole)
    assert read_sealed(path) == b"some bytes"


def test_what_was_not_sealed_is_refused_or_given_as_it_is(tmp_path):
    path = tmp_path / "file"
    for content in (b"", b"x", b"x" * 1000):
        path.write_bytes(content)
        assert read_sealed(path, required=False) == content
        with pytest.raises(ValueError, match="it has no checksum"):
            read_sealed(path)
    with pytest.raises(FileNotFoundError):
        read_sealed(tmp_path / "missing")
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(ValueError, match="no regular file"):
            read_sealed(path)


def test_only_files_are_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "device").symlink_to(os.devnull)
    for path in (tmp_path, *(tmp_path / name for name in ("pipe", "loop", "device"))):
        before = path.lstat()
        with pytest.raises(OSError, match="cannot be written.* no regular file.*Choose a file"):
            write_atomically(path, b"new")
        assert path.lstat().st_ino == before.st_ino
    assert Path(os.devnull).is_char_device()
    assert len(list(tmp_path.iterdir())) == 3


def test_links_and_permissions_stay(tmp_path):
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "target", tmp_path / "link"
    target.write_bytes(b"old")
    target.chmod(0o600)
    link.symlink_to(target)
    write_atomically(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o600
    (tmp_path / "dangling").symlink_to(tmp_path / "later" / "target")
    write_atomically(tmp_path / "dangling", b"new")
    assert (tmp_path / "later" / "target").read_bytes() == b"new"


def test_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert check_writable("~/new/file") == tmp_path / "new" / "file"


def test_new_file_has_ordinary_permissions(tmp_path, monkeypatch):
    # It belongs to all threads.
    monkeypatch.setattr(os, "umask", lambda mask: pytest.fail("the umask was changed"))
    write_atomically(tmp_path / "file", b"x")
    (tmp_path / "plain").write_text("x")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail(self, target):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match=r"file.txt' cannot be .* full.* MB are free there"):
        write_atomically(path, b"new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file.txt"]
