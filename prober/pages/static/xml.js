// A domain's XML with what is said of it at its lines.
"use strict";

// The pieces of a line of XML that look alike: comments, tags, names and values of attributes, and what is between.
const XML_PIECE = /(<!--.*?(?:-->|$))|(<\/?[\w:.-]+|\/?>|<\?.*?\?>)|([\w:.-]+)(=)("[^"]*"|'[^']*')|([^<>\w"']+|[\w:.-]+|.)/g;

// A longer line is no line that somebody wrote: it is shown as it is, as telling its pieces apart may take very long.
const LONGEST_LINE = 2000;

function XmlLine({ text }) {
  if (text.length > LONGEST_LINE) return seen(text);
  const pieces = [];
  for (const [whole, comment, tag, name, equals, value] of seen(text).matchAll(XML_PIECE)) {
    if (comment) pieces.push(html`<span class="x-comment">${comment}</span>`);
    else if (tag) pieces.push(html`<span class="x-tag">${tag}</span>`);
    else if (name) pieces.push(html`<span class="x-name">${name}</span>${equals}<span class="x-value">${value}</span>`);
    else pieces.push(whole);
  }
  return pieces;
}

const remarkOf = namedRow(["line", "path", "message", "hint", "evidence", "rule"]);

function Said({ kind, one }) {
  return html`<div class=${`said ${kind}`}>
    <p>
      <span class="mark" aria-hidden="true">${kind === "note" ? "i" : "✗"}</span>
      <span class="hidden">${kind === "note" ? "Note: " : "Refused: "}</span>${one.message}
    </p>
    ${one.hint && html`<p class="hint">${one.hint}</p>`}
    <p class="where">
      <code>${one.path}</code>${one.evidence && html`<span>${one.evidence}</span>`}${one.rule && html`<span>rule ${one.rule}</span>`}
    </p>
  </div>`;
}

// By their lines; what is said of the document as a whole stands before the first.
function saidByLine(refusals, notes) {
  const lines = new Map();
  const put = (kind) => (one) => {
    if (!lines.has(one.line)) lines.set(one.line, []);
    lines.get(one.line).push({ kind, one });
  };
  refusals.forEach(put("no"));
  notes.forEach(put("note"));
  return lines;
}

function XmlView({ xml, refusals, notes, label }) {
  const lines = useMemo(() => xml.replace(/\r\n?/g, "\n").replace(/\n$/, "").split("\n"), [xml]);
  const said = useMemo(() => saidByLine(refusals, notes), [refusals, notes]);
  const first = useRef(null);
  useEffect(() => {
    const place = first.current;
    // Within its own box alone: the page stays where it is.
    if (place) place.closest(".code").scrollTop = place.offsetTop - place.closest(".code").offsetTop - 48;
  }, [said]);
  let isFirst = true;
  const told = (number) =>
    (said.get(number) || []).map(({ kind, one }, at) => {
      const mine = isFirst ? first : undefined;
      isFirst = false;
      return html`<div key=${`${number} ${at}`} ref=${mine}><${Said} kind=${kind} one=${one} /></div>`;
    });
  return html`<div class="code" tabindex="0" role="region" aria-label=${label}>
    ${told(0)}
    <ol>
      ${lines.map((text, at) => {
        const about = said.get(at + 1);
        const kind = about ? (about.some((one) => one.kind === "no") ? "no" : "note") : "";
        return html`<li key=${at} class=${kind}><span class="line"><${XmlLine} text=${text} /></span>${told(at + 1)}</li>`;
      })}
    </ol>
  </div>`;
}
