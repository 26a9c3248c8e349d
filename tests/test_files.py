"""Archives are read without trust and written whole or not at all."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from landscape import atomic, files
from landscape.errors import ComputationError, InputError
from landscape.files import (
    map_array,
    read_archive,
    require_writable,
    shown,
    write_archive,
    write_bytes_atomically,
)
from tests.peak_memory import peak_memory
from tests.processes import python

DTYPES = ("<f4", "<f8", "<i4", "<i8", "|u1", "|b1", "<U3", ">f8", ">i2")
plain_arrays = st.sampled_from(DTYPES).flatmap(
    lambda dtype: arrays_of.arrays(
        dtype, arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
    )
)


def npy(header: bytes, body: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    return b"\x93NUMPY" + version + len(header).to_bytes(2, "little") + header + body


def archive(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as stream:
        for name, content in members.items():
            stream.writestr(name, content)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_archive(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


class TestReading:
    @given(arrays=st.dictionaries(st.sampled_from(["a", "b.c", "d/e", "é"]), plain_arrays, max_size=4))
    @settings(max_examples=60)
    def test_what_is_written_is_read(self, arrays, tmp_path_factory):
        path = tmp_path_factory.getbasetemp() / "round-trip.npz"
        for compress in (False, True):
            write_archive(path, arrays, compress=compress)
            found = read_archive(path)
            assert list(found) == list(arrays)
            for key, array in arrays.items():
                assert found[key].shape == array.shape
                assert found[key].dtype == array.dtype.newbyteorder("=")
                np.testing.assert_array_equal(found[key], array)

    def test_numpys_own_files_are_read_in_their_order(self, tmp_path):
        content = {"z": np.arange(6.0).reshape(2, 3), "a": np.asfortranarray(np.arange(6).reshape(2, 3))}
        for save in (np.savez, np.savez_compressed):
            save(tmp_path / "n.npz", **content)
            found = read_archive(tmp_path / "n.npz")
            assert list(found) == ["z", "a"]
            for key, array in content.items():
                np.testing.assert_array_equal(found[key], array)
                assert found[key].flags.c_contiguous
                assert found[key].flags.writeable

    def test_every_version_of_the_npy_header_is_read(self, tmp_path):
        for version in ((1, 0), (2, 0), (3, 0)):
            stream = io.BytesIO()
            np.lib.format.write_array(stream, np.arange(3.0), version=version)
            path = archive(tmp_path / "v.npz", {"a.npy": stream.getvalue()})
            np.testing.assert_array_equal(read_archive(path)["a"], np.arange(3.0))

    def test_only_the_members_asked_for_are_read(self, tmp_path):
        write_archive(tmp_path / "m.npz", {"a": np.zeros(2), "b": np.ones(2)})
        assert list(read_archive(tmp_path / "m.npz", members=["b", "c"])) == ["b"]

    @pytest.mark.parametrize(
        "content", [b"", b"PK", b"hello world", b"\x80\x04N.", b"PK\x05\x06" + bytes(17)]
    )
    def test_what_is_no_archive_is_refused(self, tmp_path, content):
        (tmp_path / "x.npz").write_bytes(content)
        assert "expected a NumPy .npz archive" in refused(tmp_path / "x.npz")

    def test_what_is_no_file_is_refused(self, tmp_path):
        assert "no such file" in refused(tmp_path / "absent.npz")
        assert "a folder" in refused(tmp_path)
        os.mkfifo(tmp_path / "pipe")
        assert "pipe" in refused(tmp_path / "pipe")
        with pytest.raises(InputError):
            read_archive("a\0b")

    def test_a_single_npy_file_is_refused(self, tmp_path):
        np.save(tmp_path / "x.npy", np.zeros(3))
        refused(tmp_path / "x.npy")

    def test_truncation_is_refused_wherever_it_falls(self, tmp_path):
        np.savez(tmp_path / "whole.npz", a=np.arange(50.0), b=np.arange(3))
        content = (tmp_path / "whole.npz").read_bytes()
        for end in range(0, len(content), 7):
            (tmp_path / "cut.npz").write_bytes(content[:end])
            refused(tmp_path / "cut.npz")

    def test_objects_are_never_unpickled(self, tmp_path):
        np.savez(tmp_path / "o.npz", a=np.array([print], dtype=object))
        assert "'a': holds Python objects" in refused(tmp_path / "o.npz")

    @pytest.mark.parametrize("dtype", ["c16", "M8[s]", "V8", "S4", "f4,i4"])
    def test_other_types_are_refused(self, tmp_path, dtype):
        np.savez(tmp_path / "t.npz", a=np.zeros(2, dtype))
        assert "'a': expected an array of plain numbers" in refused(tmp_path / "t.npz")

    def test_a_name_that_stands_twice_is_refused(self, tmp_path):
        content = npy(b"{'descr': '<f8', 'fortran_order': False, 'shape': (0,)}")
        with zipfile.ZipFile(tmp_path / "d.npz", "w") as stream:
            stream.writestr("a.npy", content)
            with pytest.warns(UserWarning, match="Duplicate"):
                stream.writestr("a.npy", content)
        assert "is in the archive twice" in refused(tmp_path / "d.npz")

    def test_members_that_are_no_arrays_are_refused(self, tmp_path):
        assert "'readme.txt'" in refused(archive(tmp_path / "m.npz", {"readme.txt": b"hello"}))
        assert "'a'" in refused(archive(tmp_path / "n.npz", {"a.npy": b"hello"}))

    def test_other_compressions_and_encryption_are_refused(self, tmp_path):
        content = npy(b"{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}", bytes(8))
        for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
            assert "stored or deflated" in refused(archive(tmp_path / "c.npz", {"a.npy": content}, method))

    def test_a_damaged_checksum_is_refused(self, tmp_path):
        np.savez(tmp_path / "c.npz", a=np.arange(9.0))
        content = (tmp_path / "c.npz").read_bytes()
        (tmp_path / "c.npz").write_bytes(content.replace(np.float64(5).tobytes(), np.float64(6).tobytes()))
        assert "'a': damaged" in refused(tmp_path / "c.npz")


class TestMissing:
    @pytest.mark.parametrize(
        ("typed", "meant"),
        [
            ("digtis.npz", "digits.npz"),
            ("digits", "digits.npz"),
            ("tabel.csv", "table.csv"),
            ("digits.txt", None),
            ("cit", None),
            ("gti", None),
        ],
    )
    def test_the_nearest_file_of_its_kind_is_named_and_no_folder_or_hidden_file(self, tmp_path, typed, meant):
        for name in ("digits.npz", "table.csv", ".git", ".digits.txt"):
            (tmp_path / name).touch()
        (tmp_path / "city").mkdir()
        message = refused(tmp_path / typed)
        assert message.endswith("no such file" if meant is None else f"did you mean '{meant}'?")


class TestSizes:
    @pytest.mark.parametrize(
        "shape", ["(1000000000000,)", "(1000000,1000000)", "(99999999999999999,99999999999999999)", "(2,)"]
    )
    def test_a_header_that_claims_more_than_the_member_has_is_refused(self, tmp_path, shape):
        header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}".encode()
        path = archive(tmp_path / "h.npz", {"a.npy": npy(header, bytes(8))})
        messages: list[str] = []
        assert peak_memory(lambda: messages.append(refused(path)), 2_000_000) < 2_000_000
        assert "truncated or damaged" in messages[0]

    @pytest.mark.parametrize(
        "header",
        [
            b"{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}",
            b"{'descr': '<f8', 'fortran_order': False}",
            b"{'descr': '<f8', 'fortran_order': False, 'shape': (" + b"1," * 40 + b")}",
            b"{'descr': '<U999999999', 'fortran_order': False, 'shape': (1,)}",
            b"{'descr': '<q77', 'fortran_order': False, 'shape': (1,)}",
            b"(" * 9000,
            b"__import__('os').abort()",
        ],
    )
    def test_a_header_that_cannot_be_is_refused(self, tmp_path, header):
        refused(archive(tmp_path / "h.npz", {"a.npy": npy(header, bytes(8))}))

    def test_a_zip_directory_that_claims_more_than_the_file_has_is_refused(self, tmp_path):
        np.savez(tmp_path / "z.npz", a=np.zeros(4))
        content = bytearray((tmp_path / "z.npz").read_bytes())
        entry = content.index(b"PK\x01\x02")
        content[entry + 20 : entry + 28] = (0x7FFFFFFF).to_bytes(4, "little") * 2
        (tmp_path / "z.npz").write_bytes(content)
        assert "damaged" in refused(tmp_path / "z.npz")

    def test_an_archive_larger_than_memory_is_refused_before_it_is_unpacked(self, tmp_path, monkeypatch):
        np.savez_compressed(tmp_path / "big.npz", a=np.zeros(500_000), b=np.zeros(500_000))
        monkeypatch.setattr(files, "available_memory", lambda: 5_000_000)
        messages: list[str] = []
        assert peak_memory(lambda: messages.append(refused(tmp_path / "big.npz")), 2_000_000) < 2_000_000
        assert "unpack" in messages[0]
        assert read_archive(tmp_path / "big.npz", members=["a"])["a"].size == 500_000

    def test_a_limit_of_the_process_counts_as_memory(self, tmp_path):
        np.savez_compressed(tmp_path / "big.npz", a=np.zeros(25_000_000))
        program = (
            "import resource, sys; from pathlib import Path\n"
            "from landscape.errors import InputError; from landscape.files import read_archive\n"
            "used = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()\n"
            "resource.setrlimit(resource.RLIMIT_AS, (used + 100_000_000,) * 2)\n"
            "try: read_archive(sys.argv[1])\n"
            "except InputError as error: print(error)"
        )
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
        assert "unpack" in python("-c", program, tmp_path / "big.npz", env=environment).stdout


class TestMapping:
    def test_a_mapped_array_is_the_saved_one(self, tmp_path):
        for array in (
            np.arange(12.0).reshape(3, 4),
            np.asfortranarray(np.arange(6).reshape(2, 3)),
            np.zeros((0, 2)),
        ):
            np.save(tmp_path / "x.npy", array)
            found = map_array(tmp_path / "x.npy")
            np.testing.assert_array_equal(found, array)
            assert found.size == 0 or not hasattr(found, "__setitem__")

    def test_a_mapped_file_of_another_length_is_refused(self, tmp_path):
        np.save(tmp_path / "x.npy", np.arange(9.0))
        content = (tmp_path / "x.npy").read_bytes()
        for other in (content[:-1], content + b"\0", content[:20], b"", b"not an array"):
            (tmp_path / "x.npy").write_bytes(other)
            with pytest.raises(InputError, match=r"x\.npy"):
                map_array(tmp_path / "x.npy")

    def test_a_file_larger_than_memory_is_mapped_without_taking_any(self, tmp_path):
        header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (5000000000, 20)}"
        start = npy(header)
        with (tmp_path / "huge.npy").open("wb") as stream:
            stream.write(start)
            stream.truncate(len(start) + 5_000_000_000 * 20 * 8)
        assert map_array(tmp_path / "huge.npy")[4_999_999_999, 19] == 0.0


class TestWriting:
    def test_equal_arrays_give_equal_bytes(self, tmp_path):
        array = np.arange(6.0).reshape(2, 3)
        for name, variant in (("a", array), ("b", np.asfortranarray(array)), ("c", array.astype(">f8"))):
            write_archive(tmp_path / name, {"x": variant, "t": "text"})
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == (tmp_path / "c").read_bytes()

    def test_a_failure_leaves_the_old_file_and_no_other(self, tmp_path, monkeypatch):
        target = tmp_path / "x.npz"
        write_archive(target, {"a": np.zeros(3)})
        before = target.read_bytes()
        for error, raised in (
            (OSError(28, "No space left on device"), ComputationError),
            (KeyboardInterrupt, None),
        ):

            def fail(*arguments: object, error: BaseException | type = error) -> None:
                raise error

            monkeypatch.setattr(atomic.os, "fsync", fail)
            with pytest.raises(raised or KeyboardInterrupt):
                write_archive(target, {"a": np.ones(1000)})
            assert target.read_bytes() == before
            assert names(tmp_path) == ["x.npz"]

    def test_a_full_disk_is_a_sentence(self, tmp_path):
        program = (
            "import resource, signal, sys, numpy; from landscape.files import write_archive\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
            "from landscape.errors import ComputationError\n"
            "try: write_archive(sys.argv[1], {'a': numpy.zeros(10_000)})\n"
            "except ComputationError as error: print(error)"
        )
        target = tmp_path / "x.npz"
        target.write_bytes(b"old")
        assert "could not be written" in python("-c", program, target).stdout
        assert target.read_bytes() == b"old"
        assert names(tmp_path) == ["x.npz"]

    def test_objects_are_not_written(self, tmp_path):
        with pytest.raises(InputError, match="'a'"):
            write_archive(tmp_path / "x.npz", {"a": np.array([None])})
        assert names(tmp_path) == []

    def test_what_a_killed_process_left_is_removed_by_the_next_write(self, tmp_path):
        program = (
            "import os, sys, numpy; from landscape import atomic; from landscape.files import write_archive\n"
            "atomic.os.fsync = lambda descriptor: os.kill(os.getpid(), 9)\n"
            "write_archive(sys.argv[1], {'a': numpy.zeros(3)})"
        )
        subprocess.run([sys.executable, "-c", program, tmp_path / "x.npz"], check=False)
        assert len(names(tmp_path)) == 1
        write_bytes_atomically(tmp_path / "y.npz", b"another file")
        assert len(names(tmp_path)) == 2
        write_bytes_atomically(tmp_path / "x.npz", b"new")
        assert names(tmp_path) == ["x.npz", "y.npz"]

    def test_a_link_stays_a_link(self, tmp_path):
        (tmp_path / "there").mkdir()
        (tmp_path / "link.npz").symlink_to(tmp_path / "there" / "file.npz")
        write_bytes_atomically(tmp_path / "link.npz", b"content")
        assert (tmp_path / "link.npz").is_symlink()
        assert (tmp_path / "there" / "file.npz").read_bytes() == b"content"

    def test_permissions_are_those_of_any_new_file(self, tmp_path):
        write_bytes_atomically(tmp_path / "a", b"")
        (tmp_path / "b").touch()
        assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


class TestRequireWritable:
    def test_good_paths_pass(self, tmp_path):
        (tmp_path / "old").touch()
        for name in ("new", "old"):
            require_writable(tmp_path / name)

    @pytest.mark.parametrize("name", ["absent/x.npz", ".", "x" * 300, "a\0b", "old/x.npz"])
    def test_paths_that_cannot_be_written_are_refused(self, tmp_path, name):
        (tmp_path / "old").touch()
        with pytest.raises(InputError):
            require_writable(tmp_path / name)

    def test_devices_are_refused(self):
        with pytest.raises(InputError, match="expected a new name"):
            require_writable("/dev/null")

    def test_protected_folders_are_refused(self, tmp_path, monkeypatch):
        monkeypatch.setattr(atomic.os, "access", lambda *arguments: False)
        with pytest.raises(InputError, match="write-protected"):
            require_writable(tmp_path / "x.npz")


def test_names_are_shown_on_one_short_line():
    assert shown("a\nb") == "'a\\nb'"
    assert len(shown("x" * 1000)) == 80


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_text_with_characters_that_there_are_not_is_refused(tmp_path, order):
    codes = np.array([ord("a"), 0x110000], f"{order}u4")
    np.savez(tmp_path / "m.npz", landscape=codes.view(f"{order}U2").reshape(()))
    with pytest.raises(InputError, match=r"m\.npz: 'landscape': damaged"):
        read_archive(tmp_path / "m.npz")
    np.savez(tmp_path / "m.npz", landscape=np.array(["a\U0010ffff"], f"{order}U2"))
    assert read_archive(tmp_path / "m.npz")["landscape"].tolist() == ["a\U0010ffff"]
