"""Command lines out of files: which words there are, where each stands, and what is not known of them."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest

from prober.commandline.parse import split_shell
from prober.commandline.written import places, read_written
from prober.errors import UsageError
from tests.cost import processor_time

UNIT = "[Service]\nExecStart="


def words(text: str, name: str = "run.sh", **known: str) -> list[list[str]]:
    return [line.argv for line in read_written(text, name, known)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LC_ALL=C \\\nPATH=/bin \\\n/usr/bin/my-qemu \\\n-S \\\n-m 1G\n", ["/usr/bin/my-qemu", "-S", "-m", "1G"]),
        (
            "/usr/bin/kvm -id 100 -name 'a,b' -cpu \"x y\"",
            ["/usr/bin/kvm", "-id", "100", "-name", "a,b", "-cpu", "x y"],
        ),
        ("#!/bin/sh\n# don't\nexec qemu-system-x86_64 -S # it's\n", ["qemu-system-x86_64", "-S"]),
        ("sudo -u me taskset -c 0-3 qemu-kvm -S 2>&1 >log | tee x", ["qemu-kvm", "-S"]),
        ('A=1G\nB=${A}\nqemu-kvm -m $B -name "x$A"', ["qemu-kvm", "-m", "1G", "-name", "x1G"]),
        ("qemu-kvm -m ${MEM:-2G} $NONE_QUITE", ["qemu-kvm", "-m", "2G", "-S", "-x"]),
        ("qemu-kvm -m 1G ${MORE:-} ${MORE-}", ["qemu-kvm", "-m", "1G"]),
        ('qemu-kvm -name "${MORE:-}" ${NONE_QUITE:-}', ["qemu-kvm", "-name", "", "-S", "-x"]),
        (
            "qemu-kvm ${MEM:--m 2G} -name ${N:-\"a b\"} -x '${N:-}' -y ${N:-'$c d'}",
            ["qemu-kvm", "-m", "2G", "-name", "a b", "-x", "${N:-}", "-y", "$c d"],
        ),
        (': "${MEM:=1G}"\nqemu-kvm -m $MEM ${MEM:=2G} ${NEW=a$MEM} $NEW', ["qemu-kvm", "-m", "1G", "1G", "a1G", "a1G"]),
        ("A=1\nqemu-kvm ${A:+-S} ${B:+-x} -n${A+b}${B+c} ${A:+-m ${A}G}", ["qemu-kvm", "-S", "-nb", "-m", "1G"]),
        ("E=\nqemu-kvm a${E:-b} c${E-d} e${E:+f} g${E+h} $E", ["qemu-kvm", "ab", "c", "e", "gh"]),
        (
            "A=$NONE_QUITE\nB=${A:-}x${A}\nqemu-kvm a$A $B -z=$A",
            ["qemu-kvm", "a-S", "-x", "-S", "-xx-S", "-x", "-z=-S", "-x"],
        ),
        ('export A=$NONE_QUITE B=$NONE_QUITE\nqemu-kvm "$A$B"', ["qemu-kvm", "-S -x-S -x"]),
        ("qemu-kvm -m ${MEM:-${OTHER:-3G}}", ["qemu-kvm", "-m", "3G"]),
        ('a=(-m 1G)\nqemu-kvm ${a[@]+"${a[@]}"} ${b[@]:-}', ["qemu-kvm", "-m", "1G"]),
        ('a=(-m 1G)\na+=(-S) # more\nqemu-kvm "${a[@]}" -x', ["qemu-kvm", "-m", "1G", "-S", "-x"]),
        ("a=(\n -m 1G # text\n -S\n)\nqemu-kvm ${a[@]}", ["qemu-kvm", "-m", "1G", "-S"]),
        ("cat <<END >x\nqemu-kvm -y it's\nEND\nqemu-kvm -S", ["qemu-kvm", "-S"]),
        ("which qemu-kvm || exit 1\nif true; then qemu-kvm -S & fi", ["qemu-kvm", "-S"]),
        ('${QEMU:-qemu-system-arm} -S "$@"', ["qemu-system-arm", "-S"]),
        ("$QEMU_BIN -S", ["", "-S"]),
        (
            "qemu-kvm -append 'a;b|c $x' -name \"\\$y\" -x ''",
            ["qemu-kvm", "-append", "a;b|c $x", "-name", "$y", "-x", ""],
        ),
        ("export M=1\nlocal N=2\nqemu-kvm -m $M -smp $N", ["qemu-kvm", "-m", "1", "-smp", "2"]),
        (
            f"{UNIT}-/usr/bin/qemu-kvm -name 'a b' \\\n  -x \"c\\x41\" -y 100%%\n",
            ["/usr/bin/qemu-kvm", "-name", "a b", "-x", "cA", "-y", "100%"],
        ),
        (f"{UNIT}\n{UNIT[10:]}qemu-kvm -m 1 \\\n# text\n; more\n -S\n[Install]\n", ["qemu-kvm", "-m", "1", "-S"]),
        (
            '[Service]\nEnvironment=M=1 "O=-a -b"\nExecStart=kvm -m ${M} $O -n $$x\n',
            ["kvm", "-m", "1", "-a", "-b", "-n", "$x"],
        ),
    ],
)
def test_the_words_are_those_that_would_be_run(text: str, expected: list[str]) -> None:
    assert words(text, NONE_QUITE="-S -x") == [expected]


def test_a_unit_knows_its_name() -> None:
    assert words(f"{UNIT}kvm -name %i-%p-%n", "/etc/vm@one.service") == [["kvm", "-name", "one-vm-vm@one.service"]]


@pytest.mark.parametrize(
    "text", ["kvm -a\nkvm -b; sleep 1", "[Service]\nExecStart=kvm -a ; kvm -b\nExecStartPre=kvm -c"]
)
def test_each_line_is_found(text: str) -> None:
    assert words(text) == [["kvm", "-a"], ["kvm", "-b"]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it has no command line of a QEMU"),
        ("echo a\necho b", "it has no command line of a QEMU"),
        ("apt install qemu-system-x86 -y\ntrue", "it has no command line of a QEMU"),
        ("kvm 'a", "not a shell command line: No closing quotation"),
        ("kvm -S\nkvm \\", "not a shell command line: No escaped character"),
        (f"{UNIT}kvm 'a", "not a shell command line: No closing quotation"),
        ("x\nkvm -S \\\n  -m $MEM", "run.sh:3:6: nobody can tell what $MEM is"),
        ("kvm -m $(free)", "run.sh:1:8: nobody can tell what $(…) is"),
        ('kvm -m "`free`"', "run.sh:1:8: nobody can tell what $(…) is"),
        (f"{UNIT}kvm -m ${{MEM}}", "run.sh:2:18: nobody can tell what $MEM is"),
        (f"{UNIT}kvm -m %i", "run.sh:2:18: nobody can tell what $%i is"),
        ("M=$(free)\nkvm -m $M", "run.sh:2:8: nobody can tell what $M is"),
        ("x" * (5 << 20), "more than"),
    ],
)
def test_what_cannot_be_told_is_said_with_its_place(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        words(text)


def test_a_finding_points_to_the_part_of_its_option() -> None:
    text = "#!/bin/sh\nkvm \\\n  -device 'e1000,mak=x' \\\n  -S\n"
    (line,) = read_written(text, "run.sh", {})
    place = places(text)
    assert line.find(1, "mak", place) == (3, 18)
    assert line.find(1, "", place) == line.find(1, "elsewhere", place) == (3, 3)
    assert line.find(3, "", place) == (4, 3)
    assert place(0) == (1, 1)


def test_what_a_caller_gives_is_left_out() -> None:
    (line,) = read_written('exec kvm -S "$@"', "run.sh", {})
    assert (line.argv, [word.unknown for word in line.left_out]) == (["kvm", "-S"], ["@"])


@pytest.mark.parametrize(
    "text",
    [
        "a=(x y)\n" + 'a=("${a[@]}" "${a[@]}")\n' * 60 + "kvm ${a[@]}",
        "a=xx\n" + "a=$a$a\n" * 60 + "kvm $a",
    ],
)
def test_a_script_that_doubles_what_it_has_ends(text: str) -> None:
    with pytest.raises(UsageError, match="come to more than"):
        words(text)


@pytest.mark.parametrize("piece", ["'a' ", "\\\n", "<<E\n", "a=( ", "$x", '"$x" ', "; ", "#\n", "\\\n#\n", "${"])
@pytest.mark.parametrize("head", ["", UNIT])
def test_long_texts_take_time_that_grows_with_their_length_alone(head: str, piece: str) -> None:
    took = []
    for count in (4_000, 32_000):
        with processor_time() as cost, suppress(UsageError):
            words(head + "kvm " + piece * count)
        took.append(cost.seconds)
    assert took[1] < 0.1 + 40 * took[0]


def test_a_plain_line_has_the_words_that_a_shells_has() -> None:
    text = 'PATH=/x qemu-kvm -a \'b c\' "d\\"e" f\\ g \\\n-h=i,j'
    assert words(text) == [split_shell(text)]
