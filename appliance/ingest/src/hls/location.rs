//! Addresses: references of playlists resolved, and what is asked of the server added to them.
//!
//! Pure. Only http and https: a playlist must not make the box read its own files.
//! Source: RFC 3986 5; draft-pantos-hls-rfc8216bis 6.2.5 for the directives.

use url::Url;

use super::window::Edge;

/// Beginning of the query parameters that a player adds; playlists never use it for their own.
const DIRECTIVE: &str = "_HLS_";

/// An address as somebody typed it, or as a redirect named it.
pub(super) fn address(text: &str) -> Option<Url> {
    Url::parse(text.trim()).ok().and_then(fetchable)
}

/// The address of `reference` in a playlist that came from `base`.
pub(super) fn resolve(base: &Url, reference: &str) -> Option<Url> {
    base.join(reference).ok().and_then(fetchable)
}

fn fetchable(mut url: Url) -> Option<Url> {
    url.set_fragment(None);
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

/// `url` with the request to hold the answer until the playlist has grown beyond `edge`.
///
/// The rest of the query is left alone to the byte, because it may be signed.
pub(super) fn with_directives(url: &Url, edge: Edge) -> Url {
    let mut url = without_directives(url);
    let msn = edge.sequence;
    let wanted = match edge.parts {
        Some(part) => format!("_HLS_msn={msn}&_HLS_part={part}"),
        None => format!("_HLS_msn={msn}"),
    };
    let query = match url.query() {
        Some(own) if !own.is_empty() => format!("{own}&{wanted}"),
        Some(_) | None => wanted,
    };
    url.set_query(Some(&query));
    url
}

/// `url` without what [`with_directives`] added, for an address that went through a redirect.
pub(super) fn without_directives(url: &Url) -> Url {
    let mut url = url.clone();
    if let Some(query) = url.query()
        && query.contains(DIRECTIVE)
    {
        let own = query.split('&').filter(|pair| !pair.starts_with(DIRECTIVE));
        let own = own.collect::<Vec<_>>().join("&");
        url.set_query(Some(own.as_str()).filter(|own| !own.is_empty()));
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_resolve_as_rfc_3986_says_and_stay_on_the_web() {
        let base = address("https://a.example/live/court/index.m3u8?token=1#t=5").unwrap();
        let cases = [
            ("seg 1.ts", Some("https://a.example/live/court/seg%201.ts")),
            ("../x.ts?y=1#z", Some("https://a.example/live/x.ts?y=1")),
            ("/x.ts", Some("https://a.example/x.ts")),
            ("//b.example:8080/x.ts", Some("https://b.example:8080/x.ts")),
            ("http://c.example/x.ts", Some("http://c.example/x.ts")),
            ("?part=2", Some("https://a.example/live/court/index.m3u8?part=2")),
            ("file:///etc/passwd", None),
            ("data:text/plain,x", None),
            ("http://[", None),
        ];
        for (reference, expected) in cases {
            let found = resolve(&base, reference);
            assert_eq!(found.as_ref().map(Url::as_str), expected, "{reference}");
        }
    }

    #[test]
    fn directives_leave_a_signed_query_alone() {
        let url = address("http://a/x.m3u8?sig=a%2Fb+c&e=1").unwrap();
        let asked = with_directives(&url, Edge { sequence: 7, parts: Some(2) });
        assert_eq!(asked.as_str(), "http://a/x.m3u8?sig=a%2Fb+c&e=1&_HLS_msn=7&_HLS_part=2");
        let again = with_directives(&asked, Edge { sequence: 8, parts: None });
        assert_eq!(again.as_str(), "http://a/x.m3u8?sig=a%2Fb+c&e=1&_HLS_msn=8");
        assert_eq!(without_directives(&again), url);
        let plain = address("http://a/x.m3u8").unwrap();
        let asked = with_directives(&plain, Edge { sequence: 1, parts: None });
        assert_eq!(without_directives(&asked), plain);
    }
}
