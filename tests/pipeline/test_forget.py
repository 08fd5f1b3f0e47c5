import json

import pytest

from fieldmark.artifacts import contents, findings, forgotten
from fieldmark.artifacts.catalog import NAME, Catalog
from fieldmark.artifacts.findings import Finding
from fieldmark.artifacts.runs import FILES
from fieldmark.artifacts.store import PhotoStore
from fieldmark.cli import main
from fieldmark.errors import WorkspaceError, WrongUsage
from fieldmark.pipeline.forget import forget
from fieldmark.pipeline.harvest import group_near_duplicates
from support import kept


@pytest.fixture
def workspace(tmp_path):
    return kept.made(tmp_path / "snakes")


def statuses(root):
    return {row["url"]: row["status"] for row in kept.rows(root)}


@pytest.mark.parametrize(
    "what",
    ["https://x.org/1.jpg", "http://X.org/1.jpg#top", "https://x.org/page", "https://x.org/page/", "x.org/page"],
)
def test_a_photo_goes_by_its_url_or_its_page(workspace, what):
    kept.keep(workspace, 1, "https://x.org/1.jpg", page="https://x.org/page/", original=True)
    kept.keep(workspace, 2, "https://x.org/10.jpg", page="https://x.org/pages")

    done = forget(workspace, [what])

    assert done.counts() == {"coral": 1} and len(done.files) == 2
    assert statuses(workspace) == {"https://x.org/1.jpg": "forgotten", "https://x.org/10.jpg": "ok"}
    assert len(kept.files(workspace)) == 1


@pytest.mark.parametrize("what", ["evil.example", "EVIL.example.", "evil.example:8080"])
def test_photos_go_by_their_host_and_hosts_below_it(workspace, what):
    urls = ["https://evil.example/1.jpg", "https://cdn.evil.example/2.jpg", "https://notevil.example/3.jpg"]
    for number, url in enumerate(urls):
        kept.keep(workspace, number, url)
    kept.keep(workspace, 9, "https://cdn.org/4.jpg", page="https://www.evil.example/album")

    assert forget(workspace, [what]).counts() == {"coral": 3}
    assert [url for url, status in statuses(workspace).items() if status == "ok"] == ["https://notevil.example/3.jpg"]


@pytest.mark.parametrize("what", ["Ana Field", "  ana   FIELD "])
def test_photos_go_by_their_author(workspace, what):
    kept.keep(workspace, 1, "https://x.org/1.jpg", author="Ana  Field")
    kept.keep(workspace, 2, "https://x.org/2.jpg", author="Ana Fielding")

    assert forget(workspace, [what]).counts() == {"coral": 1}


def test_a_name_like_a_host_is_an_author_where_only_an_author_is_called_so(workspace):
    kept.keep(workspace, 1, "https://x.org/1.jpg", author="j.smith")
    kept.keep(workspace, 2, "https://x.org/2.jpg", author="x.org")

    assert forget(workspace, ["j.smith"]).requests[0].kind == "author"
    assert forget(workspace, ["x.org"], kind="author").counts() == {"coral": 1}
    assert forget(workspace, ["y.org"]).requests[0].kind == "host"


def test_a_mail_address_is_not_taken_for_its_host(workspace):
    kept.keep(workspace, 1, "https://example.org/1.jpg")

    assert forget(workspace, ["ana@example.org"]).photos == ()


def test_the_same_bytes_go_under_every_url(workspace):
    kept.keep(workspace, 1, "https://x.org/1.jpg", author="Ana")
    kept.keep(workspace, 1, "https://mirror.org/copy.jpg", author="Thief", rank=2)
    kept.keep(workspace, 2, "https://x.org/both.jpg", author="Ana")
    kept.keep(workspace, 2, "https://mirror.org/both.jpg", label="king")

    done = forget(workspace, ["Ana"])

    assert set(statuses(workspace).values()) == {"forgotten"} and kept.files(workspace) == []
    assert done.candidates == {"ok": 1, "duplicate": 1, "conflict": 2}


def test_the_same_url_goes_whichever_search_named_it(workspace):
    kept.name(workspace, "https://x.org/1.jpg", provider="flickr", author="Ana")
    kept.name(workspace, "https://x.org/1.jpg", provider="bing")

    forget(workspace, ["Ana"])

    assert [row["status"] for row in kept.rows(workspace)] == ["forgotten", "forgotten"]


def test_nothing_of_the_person_is_left_but_the_url(workspace):
    kept.keep(workspace, 1, "https://x.org/1.jpg", author="Ana", title="Ana's snake", attribution="(c) Ana")

    forget(workspace, ["https://x.org/1.jpg"])

    (row,) = kept.rows(workspace, "url, author, title, attribution, status, reason")
    assert row == {
        "url": "https://x.org/1.jpg",
        "author": "",
        "title": "",
        "attribution": "",
        "status": "forgotten",
        "reason": "its owner asked for the removal of this URL",
    }
    with Catalog.open(workspace / NAME) as catalog:
        assert tuple(catalog.row("SELECT phash, detail FROM contents")) == ("", b"")


def test_what_is_forgotten_is_not_taken_again(workspace):
    id_ = kept.keep(workspace, 1, "https://x.org/1.jpg", page="https://x.org/p", author="Ana")
    forget(workspace, ["https://x.org/p", "Ana", "other.org"])

    with Catalog.open(workspace / NAME) as catalog:
        known = forgotten.read(catalog)
    assert known.covers("https://z.org/9.jpg", "http://x.org/p/", "")
    assert known.covers("https://z.org/9.jpg", "", "ANA")
    assert known.covers("https://img.other.org/9.jpg", "", "")
    assert kept.keep(workspace, 1, "https://z.org/again.jpg") == id_
    assert statuses(workspace)["https://z.org/again.jpg"] == "forgotten" and kept.files(workspace) == []


def test_what_matches_nothing_is_remembered_all_the_same(workspace, capsys):
    kept.keep(workspace, 1, "https://x.org/1.jpg")

    assert main(["forget", str(workspace), "https://nowhere.org/a.jpg"]) == 0

    assert "Nothing here is of the url https://nowhere.org/a.jpg" in capsys.readouterr().out
    with Catalog.open(workspace / NAME) as catalog:
        assert forgotten.read(catalog).covers("https://nowhere.org/a.jpg", "", "")
    assert len(kept.files(workspace)) == 1


def test_a_dry_run_changes_nothing_and_says_the_same(workspace):
    kept.keep(workspace, 1, "https://x.org/1.jpg", author="Ana", original=True)
    before = kept.rows(workspace), kept.files(workspace)

    planned = forget(workspace, ["Ana"], dry_run=True)

    assert (kept.rows(workspace), kept.files(workspace)) == before
    assert planned.to_dict() == {**forget(workspace, ["Ana"]).to_dict(), "dry_run": True}


def test_a_run_that_was_killed_before_the_files_went_is_finished_by_the_next(workspace, monkeypatch):
    kept.keep(workspace, 1, "https://x.org/1.jpg", author="Ana", original=True)
    (workspace / "photos" / "coral" / "mine.jpg").write_bytes(b"put there by a person")

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(PhotoStore, "remove_all", killed)
        with pytest.raises(KeyboardInterrupt):
            forget(workspace, ["Ana"])
    assert len(kept.files(workspace)) == 3 and set(statuses(workspace).values()) == {"forgotten"}

    done = forget(workspace, ["Ana"])

    assert len(done.files) == 2 and kept.files(workspace) == ["photos/coral/mine.jpg"]


def test_a_group_of_near_duplicates_gets_a_new_best_copy_or_ends(workspace):
    pixels, _ = kept.picture(1)
    ids = [kept.keep(workspace, n, f"https://{n}.org/a.jpg", pixels=pixels) for n in (1, 2, 3)]
    with Catalog.open(workspace / NAME) as catalog:
        group_near_duplicates(catalog)
        assert [group.id for group in contents.groups(catalog)] == [ids[2]]  # the one with most bytes

    done = forget(workspace, ["https://3.org/a.jpg"])

    with Catalog.open(workspace / NAME) as catalog:
        assert [(group.id, group.photos) for group in contents.groups(catalog)] == [(ids[1], 2)]
    assert {photo.id for photo in done.look_alikes} == set(ids[:2])
    forget(workspace, ["https://2.org/a.jpg"])
    with Catalog.open(workspace / NAME) as catalog:
        assert contents.groups(catalog) == [] and len(contents.photos(catalog)) == 1


def test_runs_that_may_have_learned_from_the_photos_are_named(workspace, capsys):
    kept.keep(workspace, 1, "https://x.org/1.jpg", author="Ana")
    (workspace / "runs" / "first").mkdir(parents=True)
    for name in FILES:
        (workspace / "runs" / "first" / name).touch()

    assert main(["forget", str(workspace), "Ana"]) == 0

    told = capsys.readouterr().out
    assert "1 photo went: 1 coral" in told and "https://x.org/1.jpg" in told
    assert "may have learned from them" in told and "first" in told


def test_the_page_of_the_harvest_no_longer_shows_them(workspace):
    kept.keep(workspace, 1, "https://x.org/1.jpg", author="Ana", page="https://x.org/ana")
    kept.keep(workspace, 2, "https://y.org/2.jpg")
    (workspace / "harvest.html").write_text("<a href='https://x.org/ana'>Ana</a>")

    forget(workspace, ["Ana"])

    page = (workspace / "harvest.html").read_text("utf-8")
    assert "x.org/ana" not in page and ">Ana<" not in page


@pytest.mark.parametrize("order", ["folder first", "folder last", "folder is here"])
def test_the_workspace_may_stand_first_last_or_be_here(workspace, monkeypatch, capsys, order):
    kept.keep(workspace, 1, "https://x.org/1.jpg", author="Ana")
    words = {"folder first": [str(workspace), "Ana"], "folder last": ["Ana", str(workspace)], "folder is here": ["Ana"]}
    if order == "folder is here":
        monkeypatch.chdir(workspace)

    assert main(["forget", *words[order], "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["photos"] == {"coral": 1} and told["asked"] == [{"kind": "author", "value": "Ana"}]


def test_a_folder_that_is_no_workspace_says_so(workspace, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["forget", "Ana"]) == 1
    assert "The current folder is no workspace" in capsys.readouterr().err

    (workspace / "plain").mkdir()
    monkeypatch.chdir(workspace)
    assert main(["forget", "plain", "Ana"]) == 1
    assert "plain is a folder, but no workspace" in capsys.readouterr().err


def test_nothing_to_forget_is_wrong_usage(workspace):
    assert main(["forget", str(workspace)]) == 2
    for text in ("", "   "):
        with pytest.raises(WrongUsage, match="Give a URL"):
            forget(workspace, [text])
    with pytest.raises(WrongUsage, match="is no host"):
        forget(workspace, ["[::"], kind="host")
    with pytest.raises(WorkspaceError, match="so nothing is known"):
        forget(workspace.parent, ["Ana"])


def test_who_is_forgotten_is_not_named_again_by_another_search(workspace):
    kept.keep(workspace, 1, "https://x.org/1.jpg", author="Ana")
    forget(workspace, ["Ana"])

    kept.keep(workspace, 1, "https://z.org/1.jpg", author="Ana F.", title="Ana's", attribution="(c) Ana")
    kept.name(workspace, "https://x.org/2.jpg", "forgotten", author="Ana", title="Ana's", attribution="(c) Ana")

    assert {(row["author"], row["title"], row["attribution"]) for row in kept.rows(workspace)} == {("", "", "")}
    assert set(statuses(workspace).values()) == {"forgotten"}


def test_nothing_that_was_made_of_a_photo_stays(tmp_path):
    root = kept.made(tmp_path / "snakes")
    gone = kept.keep(root, 1, "https://x.org/1.jpg")
    stays = kept.keep(root, 2, "https://y.org/2.jpg")
    caches = ("features/lite0.npz", "features/overlays.npz")
    for name in (f"thumbnails/{gone}.jpg", f"thumbnails/{stays}.jpg", *caches, "check.html"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"shows it")
    with Catalog.open(root / NAME) as catalog:
        findings.write(catalog, [Finding(f"coral/{id_}.jpg", id_, "dark", 1.0, "dark") for id_ in (gone, stays)])

    forget(root, ["https://x.org/1.jpg"])

    shows = sorted(
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and path.read_bytes() == b"shows it"
    )
    assert shows == [f"thumbnails/{stays}.jpg"]
    with Catalog.open(root / NAME) as catalog:
        assert [found.photo_id for found in findings.read(catalog)] == [stays]
