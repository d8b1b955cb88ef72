import json

import pytest

from vision_agents.lab.manifest import EXPECTED_OF, read_folder
from vision_agents.lab.scenario import Bed, LabError
from vision_agents.lab.suite import load_suite, read_suite, shipped_suite

yaml = pytest.importorskip("yaml")


def groups(**group):
    whole = {"id": "g", "kind": "noise", "expect": "ignore", "sound": {"make": "white"}, **group}
    return yaml.safe_dump({"groups": [{key: value for key, value in whole.items() if value is not None}]})


def test_the_shipped_suite_has_enough_cases_of_everything():
    cases = shipped_suite()
    assert len(cases) >= 200
    assert {case.state for case in cases} == {"answering", "question", "thinking", "idle", "uninterruptible"}
    assert set(EXPECTED_OF) - {"speech", "pause"} <= {case.kind for case in cases}
    assert {"echo", "whisper", "two_callers", "answer"} <= {case.kind for case in cases}
    assert min(sum(case.expect == expected for case in cases) for expected in ("yield", "ignore")) >= 80
    for kind in ("echo", "echo_interruption", "echo_cancelled", "cancelled_echo_interruption"):
        assert {case.echo for case in cases if case.kind == kind} == {-10.0, -15.0, -20.0, -25.0, -30.0}
    assert {case.echo_cancellation for case in cases if "cancelled" in case.kind} == {True}
    assert {case.expect for case in cases if case.kind == "two_callers"} == {"yield", "ignore"}
    quiet = [case for case in cases if case.id.startswith("quiet-")]
    assert quiet
    assert not any(case.primer for case in quiet)
    assert all(case.primer == (case.state == "answering") for case in cases if case not in quiet)


def test_a_group_is_the_product_of_its_lists():
    text = groups(at=[1, 2.5], bed=["none", "pink 15"], sound={"make": ["white", "hum"], "level": [-20, -30]})
    cases = read_suite(text, "made up")
    assert [case.id for case in cases] == [f"g-{number:02}" for number in range(1, 17)]
    assert len(set(cases)) == 16
    assert {case.bed for case in cases} == {None, Bed("pink", 15.0)}


def test_what_is_not_said_has_a_default():
    (case,) = read_suite(groups(), "made up")
    assert (case.state, case.at, case.bed, case.echo, case.second) == ("answering", 2.0, None, None, None)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"kind": None}, "`kind` is missing"),
        ({"expect": "maybe"}, "there is no 'maybe'; known are yield, ignore, after"),
        ({"state": "asleep"}, "there is no 'asleep'"),
        ({"sound": None}, "no `sound`"),
        ({"sound": "white"}, "write `say: …`"),
        ({"sound": {"make": "thunder"}}, "there is no 'thunder'"),
        ({"sound": {"make": "white", "say": "x"}}, "exactly one of"),
        ({"sound": {"make": "white", "loud": 1}}, "there is no key loud"),
        ({"sound": {"make": "white", "level": "loud"}}, "level is a number"),
        ({"sound": {"make": "white", "seconds": 900}}, "seconds are 0.02 to 30"),
        ({"sound": {"make": "white", "style": "sung"}}, "there is no 'sung'"),
        ({"bed": "pink"}, "as in `pink 15`"),
        ({"bed": "thunder 3"}, "there is no 'thunder'"),
        ({"at": True}, "at is a number"),
        ({"echo_cancellation": "yes please"}, "echo_cancellation is true or false"),
        ({"colour": "red"}, "there is no key colour"),
    ],
)
def test_a_wrong_group_is_named_with_what_is_wrong(change, complaint):
    with pytest.raises(LabError) as raised:
        read_suite(groups(**change), "made up.yaml")
    assert complaint in str(raised.value)
    assert "made up.yaml, group 1 (g)" in str(raised.value)


@pytest.mark.parametrize("text", ["a: [", "just text", "groups: 3", "- 1", "", "groups: [3]"])
def test_what_is_no_suite(text, tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(LabError, match=r"wrong\.yaml"):
        load_suite(path)


def test_two_groups_of_one_name(tmp_path):
    text = groups()
    path = tmp_path / "twice.yaml"
    path.write_text(text + text.replace("groups:\n", ""))
    with pytest.raises(LabError, match="two cases g-01"):
        load_suite(path)
    with pytest.raises(LabError, match=r"there is no suite .*none\.yaml; check --suite"):
        load_suite(tmp_path / "none.yaml")


CLIP = {"id": "a", "file": "a.flac", "kind": "noise", "onset_s": 0.1, "end_s": 0.5}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.flac").write_bytes(b"")

    def write(content):
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / "manifest.json").write_text(text)
        return tmp_path

    return write


@pytest.mark.parametrize("kind", sorted(EXPECTED_OF))
def test_every_clip_becomes_a_case(folder, kind):
    case, *_ = read_folder(folder([{**CLIP, "kind": kind, "onset_s": 0, "licence": "CC0"}]), levels={})
    assert (case.id, case.kind, case.expect, case.origin) == ("audio/a", kind, EXPECTED_OF[kind], "audio")
    assert (case.sound.onset, case.sound.end, case.sound.level) == (0.0, 0.5, None)


def test_side_talk_is_farther_away_and_once_as_loud(folder):
    cases = read_folder(folder([{**CLIP, "kind": "side_talk"}, {**CLIP, "id": "b"}]))
    assert [(case.id, case.kind, case.sound.gain) for case in cases] == [
        ("audio/a@-12", "side_talk", -12.0),
        ("audio/a@-18", "side_talk", -18.0),
        ("audio/a", "side_talk_equal", 0.0),
        ("audio/a@-6", "side_talk_equal", -6.0),
        ("audio/b", "noise", 0.0),
    ]


SPOKEN = {**CLIP, "kind": "interruption", "onset_s": 0.0, "end_s": 1.5, "source": "shop@1:a.wav", "speaker": "ann"}


def test_an_interruption_comes_fainter_too(folder):
    cases = read_folder(folder([SPOKEN]))
    assert [(case.id, case.kind, case.expect, case.sound.gain) for case in cases] == [
        ("audio/a", "interruption", "yield", 0.0),
        ("audio/a@-6", "fainter", "yield", -6.0),
        ("audio/a@-9", "fainter", "yield", -9.0),
        ("audio/a@-12", "fainter", "yield", -12.0),
    ]
    assert {case.source for case in cases} == {"shop"}
    asked = read_folder(folder([SPOKEN]), levels={"interruption": (-6.0, -3.0)})
    assert [case.id for case in asked] == ["audio/a@-6", "audio/a@-3", "audio/a@-9", "audio/a@-12"]


def test_a_speaker_asks_in_their_own_voice_and_goes_on(folder):
    cases = read_folder(folder([SPOKEN, {**SPOKEN, "id": "b", "end_s": 2.0}, {**CLIP, "id": "c"}]))
    first, second = (next(case for case in cases if case.id == f"audio/{name}") for name in "ab")
    assert first.primer_sounds == (second.sound,)
    assert second.primer_sounds == (first.sound,)
    assert first.knows_voice
    goes_on = {case.id: case for case in cases if case.kind == "second"}
    assert set(goes_on) == {"audio/a+", "audio/b+"}
    assert goes_on["audio/b+"].then.gain == -8.0
    assert goes_on["audio/b+"].then.end == first.sound.end
    # Nothing is known of who has said nothing else, and a noise is nobody's.
    assert [case.primer_sounds for case in read_folder(folder([SPOKEN])) if case.kind == "interruption"] == [()]
    assert not read_folder(folder([SPOKEN]))[0].knows_voice
    assert cases[-1].primer_sounds == ()
    assert cases[-1].knows_voice


def test_who_talks_aside_is_not_who_asked(folder):
    aside = {**SPOKEN, "id": "b", "kind": "side_talk", "speaker": "bob"}
    other = {**SPOKEN, "id": "c", "source": "street@1:c.wav", "speaker": "cleo"}
    cases = [case for case in read_folder(folder([SPOKEN, aside, other])) if case.kind == "side_talk"]
    (cleo,) = {case.primer_sounds for case in cases}
    assert [sound.end for sound in cleo] == [1.5]
    assert all(case.knows_voice for case in cases)
    (alone,) = {case.primer_sounds for case in read_folder(folder([SPOKEN, aside])) if case.kind == "side_talk"}
    assert alone == (), "another voice of the same source may be the same person's"


def test_after_a_pause_the_last_part_counts(folder):
    (case,) = read_folder(folder([{**SPOKEN, "kind": "pause", "pauses_s": [[0.3, 0.7], [0.9, 1.2]]}]))
    assert (case.expect, case.resumed) == ("yield", 1.2)


def test_levels_are_those_asked_for(folder):
    path = folder([CLIP])
    cases = read_folder(path, levels={"noise": (-6.0, 0.0)})
    assert [(case.id, case.sound.gain) for case in cases] == [("audio/a@-6", -6.0), ("audio/a@+0", 0.0)]
    with pytest.raises(LabError, match="no clips of the kind thunder"):
        read_folder(path, levels={"thunder": (-6.0,)})


def test_a_kind_of_ones_own_says_what_to_expect(folder):
    (case,) = read_folder(folder([{**CLIP, "kind": "sneeze", "expect": "ignore"}]))
    assert (case.kind, case.expect) == ("sneeze", "ignore")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[", "cannot be read"),
        ({"clips": []}, "not a list"),
        (["a.flac"], "a clip is a table"),
        ([{**CLIP, "file": None}], "`file` is missing"),
        ([{**CLIP, "file": "b.flac"}], "there is no file b.flac"),
        ([{**CLIP, "kind": "sneeze"}], "not known what to expect"),
        ([{**CLIP, "expect": "maybe"}], "not known what to expect"),
        ([{**CLIP, "onset_s": "soon"}], "`onset_s` is a time"),
        ([{**CLIP, "end_s": -1}], "`end_s` is a time"),
        ([{**CLIP, "end_s": 0.1}], "before it begins"),
        ([CLIP, CLIP], "two clips a"),
        ([{**CLIP, "pauses_s": [1]}], "`pauses_s` is a list"),
    ],
)
def test_a_wrong_manifest_is_named_with_what_is_wrong(folder, content, complaint):
    with pytest.raises(LabError) as raised:
        read_folder(folder(content))
    assert complaint in str(raised.value)
    assert "manifest.json" in str(raised.value)


def test_a_folder_without_a_manifest(tmp_path):
    with pytest.raises(LabError, match=r"--audio takes a folder"):
        read_folder(tmp_path)
