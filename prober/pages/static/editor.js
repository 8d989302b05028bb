// A domain or a command line that is typed, and what is said of it at its place.
"use strict";

const KEPT_TEXT = "prober-text";
const REST_MS = 300;
// So many letters are asked about at most; the service takes as many bytes.
const MOST_TEXT = 1 << 20;

// The tab keeps what is typed where the browser lets it, and as far as there is room.
function keepText(text) {
  try {
    sessionStorage.setItem(KEPT_TEXT, text);
  } catch {
    // It is lost with the next reload then, and with nothing else.
  }
}

function keptText() {
  try {
    return sessionStorage.getItem(KEPT_TEXT) || "";
  } catch {
    return "";
  }
}

// The words of a line with where each begins and ends, as prober reads one (prober/commandline/parse.py, split_shell);
// a test compares the two.
function shellWords(text) {
  const words = [];
  let [at, word] = [0, null];
  const begin = () => (word ||= { text: "", start: at });
  const end = () => {
    if (word) words.push({ ...word, end: at });
    word = null;
  };
  while (at < text.length) {
    const letter = text[at];
    if (/\s/.test(letter)) end();
    else if (letter === "\\" && text[at + 1] === "\n") {
      end();
      at += 1;
    } else if (letter === "\\") begin().text += text[(at += 1)] ?? "";
    else if (letter === "'") {
      const close = text.indexOf("'", at + 1);
      begin().text += text.slice(at + 1, close < 0 ? undefined : close);
      at = close < 0 ? text.length : close;
    } else if (letter === '"') {
      begin();
      for (at += 1; at < text.length && text[at] !== '"'; at += 1) {
        if (text[at] === "\\" && /["\\$`\n]/.test(text[at + 1] ?? "")) at += 1;
        word.text += text[at];
      }
    } else begin().text += letter;
    at += 1;
  }
  end();
  return words;
}

// Where in a line of XML something is said: the attribute or the element that its path ends with, else the line.
function placeInLine(line, path) {
  const attribute = path.match(/\/@([\w:.-]+)$/)?.[1];
  const element = path.replace(/\/@[^/]*$/, "").match(/([\w:.-]+)(?:\[\d+\])?$/)?.[1];
  const escape = (name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const found =
    (attribute && line.match(new RegExp(`(?<![\\w:.-])${escape(attribute)}\\s*=\\s*("[^"]*"|'[^']*')`))) ||
    (element && line.match(new RegExp(`<${escape(element)}(?![\\w:.-])`))) ||
    line.match(/\S.*\S|\S/);
  return found ? [found.index, found.index + found[0].length] : [0, line.length];
}

function lineStarts(text) {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

// What is said of a domain, as marks in the text.
function domainMarks(text, cell) {
  const starts = lineStarts(text);
  const marks = (kind) => (one, number) => {
    const start = starts[one.line - 1] ?? 0;
    const line = text.slice(start).split("\n", 1)[0];
    const [from, to] = one.line ? placeInLine(line, one.path) : [0, 0];
    return { ...one, kind, key: `${kind} ${number}`, from: start + from, to: start + to, where: one.path };
  };
  return [...cell.refusals.map(marks(cell.verdict === "no" ? "no" : "bad")), ...cell.notes.map(marks("note"))];
}

const FINDING_KIND = { error: "no", ignored: "no", deprecated: "note", unknown: "note" };

// What is said of a command line: at the part that is meant where it stands in one of its words, else at the option.
function lineMarks(text, report, words) {
  // What is set for a command before its name is none of its words.
  const every = shellWords(text);
  const spans = every.slice(Math.max(0, every.length - words.length));
  const areSame = spans.length === words.length && spans.every(({ text: own }, at) => own === words[at]);
  const starts = lineStarts(text);
  return report.findings.map((one, number) => {
    let [from, to] = [0, 0];
    if (areSame && spans[one.position]) {
      const value = spans[one.position + 1];
      ({ start: from, end: to } = spans[one.position]);
      const own = value && !value.text.startsWith("-") ? text.slice(value.start, value.end) : "";
      const part = one.part ? own.indexOf(one.part) : -1;
      if (part >= 0) [from, to] = [value.start + part, value.start + part + one.part.length];
      else if (own) [from, to] = [value.start, value.start + own.split(",", 1)[0].length];
    }
    const line = areSame ? starts.filter((start) => start <= from).length : 0;
    const where = [one.flag, one.part].filter(Boolean).join(" ");
    return {
      kind: FINDING_KIND[one.kind], key: String(number), from, to, line, where,
      path: where, message: one.message, hint: one.hint, evidence: one.evidence?.note || "", rule: one.rule, word: one.kind,
    };
  });
}

// The text again, with the marks in it: it lies behind what one types into.
function Marked({ text, marks, pane }) {
  const cuts = [...new Set([0, text.length, ...marks.flatMap(({ from, to }) => [from, to])])].sort((a, b) => a - b);
  const pieces = cuts.slice(0, -1).map((from, at) => {
    const to = cuts[at + 1];
    const over = marks.filter((mark) => mark.from <= from && to <= mark.to);
    const piece = text.slice(from, to);
    if (!over.length) return piece;
    return html`<mark class=${over.some(({ kind }) => kind !== "note") ? "no" : "note"}>${piece}</mark>`;
  });
  return html`<pre class="behind" aria-hidden="true" ref=${pane}>${pieces}${"\n "}</pre>`;
}

function Gutter({ text, marks, pane }) {
  const kinds = new Map();
  for (const { line, kind } of marks) if (kinds.get(line) !== "no") kinds.set(line, kind === "note" ? "note" : "no");
  const lines = text.split("\n");
  return html`<div class="gutter" aria-hidden="true" ref=${pane}>
    ${lines.map((_, at) => html`<div key=${at} class=${kinds.get(at + 1) || ""}>${at + 1}</div>`)}<div> </div>
  </div>`;
}

function Editor({ text, onText, marks, area }) {
  const [behind, gutter] = [useRef(null), useRef(null)];
  const scroll = (event) => {
    const { scrollTop, scrollLeft } = event.currentTarget;
    Object.assign(behind.current, { scrollTop, scrollLeft });
    gutter.current.scrollTop = scrollTop;
  };
  return html`<div class="editor">
    <${Gutter} text=${text} marks=${marks} pane=${gutter} />
    <div class="typed">
      <${Marked} text=${text} marks=${marks} pane=${behind} />
      <textarea
        ref=${area}
        aria-label="Domain XML or command line"
        aria-describedby="findings"
        placeholder="Paste a libvirt domain, or a QEMU command line."
        spellcheck=${false}
        autocomplete="off"
        autocapitalize="off"
        wrap="off"
        value=${text}
        onInput=${(event) => onText(event.currentTarget.value)}
        onScroll=${scroll}
      ></textarea>
    </div>
  </div>`;
}

function Findings({ marks, onGo }) {
  return html`<ol class="findings">
    ${marks.map(
      (mark) => html`<li key=${mark.key} class=${mark.kind === "note" ? "note" : "no"}>
        ${mark.line > 0 &&
        html`<button type="button" class="plain" onClick=${() => onGo(mark)}>line ${mark.line}</button>`}
        <div>
          <p>${mark.word && html`<${Badge} kind=${mark.kind === "note" ? "warn" : "bad"}>${mark.word}<//>${" "}`}${mark.message}</p>
          ${mark.hint && html`<p class="hint">${mark.hint}</p>`}
          <p class="where">
            <code>${mark.where}</code>${mark.evidence && html`<span>${mark.evidence}</span>`}${mark.rule && html`<span>rule ${mark.rule}</span>`}
          </p>
        </div>
      </li>`,
    )}
  </ol>`;
}

// What is asked while one types: the last text, once it rests; what comes too late is dropped, and what is known of the
// QEMUs anew is asked about anew.  It is about a text, a QEMU and a choice: of others nothing was said yet.
function useChecked(text, ident, assume, book) {
  const rested = useRest(text, REST_MS);
  const [told, setTold] = useState({ text: "", answer: null, error: null });
  useEffect(() => {
    const tell = (answer, error = null) => setTold({ text: rested, ident, assume, answer, error });
    if (!rested.trim() || !ident) {
      tell(null);
      return undefined;
    }
    if (rested.length > MOST_TEXT) {
      tell(null, new Error("it is larger than 1 MiB, which is more than any domain or command line has"));
      return undefined;
    }
    const stopping = new AbortController();
    ask("check", { query: { binary: ident, assume: assume ? "true" : "" }, body: rested, signal: stopping.signal })
      .then((answer) => tell(answer))
      .catch((error) => error.name !== "AbortError" && tell(null, error));
    return () => stopping.abort();
  }, [rested, ident, assume, book]);
  return { ...told, isAbout: told.text === text && told.ident === ident && told.assume === assume };
}

function checkedMarks({ text, answer }) {
  if (!answer) return [];
  if (answer.kind === "domain") return domainMarks(text, cellOf(answer.cell));
  return answer.report ? lineMarks(text, answer.report, answer.words) : [];
}

function checkedVerdict({ answer, error }, marks) {
  if (error) return ["bad", error.message];
  if (!answer) return ["faint", "nothing to check"];
  if (answer.problem) return ["bad", answer.problem.detail];
  const number = marks.filter(({ kind }) => kind !== "note").length;
  if (answer.kind === "domain" && answer.cell[0] !== "yes" && answer.cell[0] !== "no") return ["bad", answer.cell[0]];
  if (number) return ["bad", count(number, answer.kind === "domain" ? "refusal" : "finding")];
  return ["good", answer.kind === "domain" ? "accepted" : "nothing stands against it"];
}

function TryPage({ book, place }) {
  useLive();
  const [text, setText] = useState(keptText);
  const [assume, setAssume] = useState(false);
  const area = useRef(null);
  useEffect(() => keepText(text), [text]);
  const isBinary = ({ ident }) => live.entries.some(({ id, kind }) => id === ident && kind === "binary");
  const usual = book.qemus.findLast(isBinary) || book.qemus[book.qemus.length - 1];
  const qemu = book.qemus.find(({ ident }) => ident === place.binary) || usual;
  const checked = useChecked(text, qemu?.ident, assume, book);
  const marks = useMemo(() => (checked.isAbout ? checkedMarks(checked) : []), [checked.answer, checked.isAbout]);
  const [kind, words] = checkedVerdict(checked, marks);
  const goTo = (mark) => {
    area.current.focus();
    area.current.setSelectionRange(mark.from, mark.to);
    area.current.scrollTop = Math.max(0, (mark.line - 4) * parseFloat(getComputedStyle(area.current).lineHeight));
  };
  if (!qemu) return html`<section><h2 id="page-title" tabindex="-1">Try</h2><p class="empty">No QEMU is known yet.</p></section>`;
  // What a text is goes on to be known while it is changed, or held against another QEMU.
  const isDomain = checked.answer?.kind === "domain";
  const cell = isDomain ? cellOf(checked.answer.cell) : null;
  const choices = book.qemus.map((one) => [one.ident, one.full]);
  const given = book.domains.map(({ name }, at) => [String(at), name]);
  return html`<section aria-labelledby="page-title">
    <h2 id="page-title" tabindex="-1">Try</h2>
    <form class="bar" onSubmit=${(event) => event.preventDefault()}>
      <${Select} label="on QEMU" value=${qemu.ident} options=${choices} onChange=${(binary) => go("try", { binary }, true)} />
      ${given.length > 0 &&
      html`<${Select}
        label="begin with"
        value=""
        options=${[["", "…"], ...given]}
        onChange=${(at) => at && setText(book.domains[Number(at)].xml)}
      />`}
      <label class="check">
        <input type="checkbox" checked=${assume} onChange=${(event) => setAssume(event.currentTarget.checked)} />
        take what is unknown for present
      </label>
      <output aria-live="polite">${checked.isAbout ? html`<${Badge} kind=${kind}>${words}<//>` : "checking …"}</output>
    </form>
    <div class="beside">
      <div>
        <${Editor} text=${text} onText=${setText} marks=${marks} area=${area} />
        <div id="findings">
          ${checked.error?.hint && html`<p class="aside">${checked.error.hint}</p>`}
          ${checked.answer?.problem?.hint && html`<p class="aside">${checked.answer.problem.hint}</p>`}
          <${Findings} marks=${marks} onGo=${goTo} />
        </div>
      </div>
      <div class="side">
        <${Starts} key=${qemu.ident} text=${text} isDomain=${isDomain} qemu=${qemu} book=${book} />
        ${cell && html`<${PciTree} buses=${cell.buses} />`}
        ${cell && cell.argv.length > 0 && html`<${ArgvView} argv=${cell.argv} isRefused=${cell.verdict === "no"} />`}
      </div>
    </div>
  </section>`;
}
