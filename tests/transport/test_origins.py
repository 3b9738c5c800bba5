from __future__ import annotations

import pytest

from regsync.transport.origins import Endpoint, Origin, Target, next_query
from tests.transport.rig import make_spec

HOME = Target(Origin("https", "reg.test", 443), "/", own=True)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://reg.test", "https://reg.test"),
        ("https://REG.test:443/x?y", "https://reg.test"),
        ("http://reg.test:5000", "http://reg.test:5000"),
        ("http://[::1]:5000", "http://[::1]:5000"),
        ("https://user:pass@reg.test", "https://reg.test"),
        ("https://räg.test", "https://xn--rg-via.test"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, shown: str) -> None:
    assert str(Origin.parse(url)) == shown


@pytest.mark.parametrize(
    "url", ["reg.test", "ftp://reg.test", "https://", "https://reg.test:x", "file:///etc/passwd", ""]
)
def test_what_is_no_http_url_is_none(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - urllib's own messages vary
        Origin.parse(url)


@pytest.mark.parametrize(
    ("location", "url", "own"),
    [
        ("/v2/a/blobs/uploads/1?_state=x", "https://reg.test/base/v2/a/blobs/uploads/1?_state=x", True),
        ("https://reg.test/base/v2/a", "https://reg.test/base/v2/a", True),
        ("https://reg.test:443/v2/a", "https://reg.test/base/v2/a", True),
        ("https://reg.test/other/a", "https://reg.test/other/a", True),
        ("https://reg.test:8443/v2/a", "https://reg.test:8443/v2/a", False),
        ("http://reg.test/v2/a", "http://reg.test/v2/a", False),
        ("https://user:pass@cdn.test/a?sig=1#part", "https://cdn.test/a?sig=1", False),
        ("//cdn.test/a", "https://cdn.test/a", False),
    ],
)
def test_locations_resolve_to_the_registry_or_to_elsewhere(location: str, url: str, own: bool) -> None:
    endpoint = Endpoint(make_spec("https://reg.test", base_path="/base/"))
    target = endpoint.target(location, HOME)
    assert (target.url, target.own) == (url, own)


def test_a_relative_location_of_another_host_stays_there() -> None:
    elsewhere = Target(Origin("https", "cdn.test", 443), "/a/b", own=False)
    target = Endpoint(make_spec("https://reg.test")).target("/v2/x", elsewhere)
    assert (target.url, target.own) == ("https://cdn.test/v2/x", False)


@pytest.mark.parametrize(
    "location", ["/v2/a b", "/v2/a\nHost: x", "https://reg.test/\x7f", "ftp://reg.test/v2/a", "https://[x/"]
)
def test_a_location_that_cannot_be_sent_is_refused(location: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - urllib's own messages vary
        Endpoint(make_spec("https://reg.test")).target(location, HOME)


@pytest.mark.parametrize(
    "location",
    ["http://reg.test/v2/a", "http://127.0.0.1:5000/v2/a", "https://reg.test/v2/a"],
)
def test_behind_a_plain_tunnel_the_names_that_the_server_sees_are_its_own(location: str) -> None:
    endpoint = Endpoint(make_spec("https://reg.test", connect_to="http://127.0.0.1:5000"))
    assert endpoint.target(location, HOME) == Target(endpoint.origin, "/v2/a", own=True)


@pytest.mark.parametrize(
    ("link", "query"),
    [
        ('</v2/a/tags/list?last=1.10.0&n=2>; rel="next"', "last=1.10.0&n=2"),
        ("</v2/a/tags/list?last=x>; rel=next", "last=x"),
        ('</v2/a?page=1>; rel="prev" , </v2/a?page=3>; REL="next"', "page=3"),
        ('</acr/v1/a/_tags?last=x&n=2&orderby=>; rel="next"', "last=x&n=2&orderby="),
        ('<https://evil.test/v2/a/tags/list?last=x>; rel="next"', "last=x"),
        ('<?last=x>; rel="next"', "last=x"),
        ('</v2/a?page=1>; rel="prev"', None),
        ("", None),
    ],
)
def test_of_a_next_page_nothing_counts_but_its_query(link: str, query: str | None) -> None:
    assert next_query(link) == query


@pytest.mark.parametrize("link", ['<https://evil.test/list>; rel="next"', '<https://[?a>; rel="next"'])
def test_a_next_page_without_a_query_is_no_end_of_the_list(link: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - urllib's own messages vary
        next_query(link)
