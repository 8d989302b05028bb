// What starts a QEMU, by a click alone: proving what was typed, and rehearsals of what comes after.
"use strict";

// How long it has been going on, in words; it stops when it is over.
function Elapsed({ since }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 100);
    return () => clearInterval(timer);
  }, []);
  return html`<span class="faint">${((now - since) / 1000).toFixed(1)} s</span>`;
}

function Step({ name, kind, words, children }) {
  return html`<li class=${`step ${kind}`}>
    <p><strong>${name}</strong> ${words && html`<${Badge} kind=${kind}>${words}<//>`}</p>
    ${children}
  </li>`;
}

const optionName = (one) => html`<code>${[one.flag, one.part].filter(Boolean).join(" ")}</code>`;

// The steps of a proof in their order, as far as it came.
function ProofSteps({ proof }) {
  const isStarted = proof.ground === "proven";
  const faults = proof.findings.filter(({ kind }) => kind === "error" || kind === "ignored");
  return html`<ol class="steps">
    <${Step} name="checked" kind=${faults.length && !isStarted ? "bad" : "good"} words=${count(proof.findings.length, "finding")}>
      <${Told} all=${proof.findings} words=${() => "what the check says"} of=${(one) => html`${optionName(one)} ${one.message}`} />
    <//>
    <${Step} name="made ready" kind=${isStarted ? "good" : "faint"} words=${count(proof.replaced.length, "stand-in")}>
      <${Told} all=${proof.replaced} words=${() => "what stands in"} of=${(one) => html`${optionName(one)} by ${one.by}`} />
      <${Told} all=${proof.left_out} words=${(number) => `${number} left out`} of=${(one) => html`${optionName(one)} ${one.why}`} />
    <//>
    <${Step}
      name="started"
      kind=${!isStarted ? "faint" : proof.said ? "bad" : "good"}
      words=${isStarted ? [proof.accelerator, proof.confinement].filter(Boolean).join(", ") || "confined" : "not started"}
    >
      ${proof.reason && html`<p>${proof.reason}</p>`}
      ${proof.said && html`<pre class="words" tabindex="0">${proof.said}</pre>`}
      ${proof.option && html`<p>It is about ${optionName(proof.option)}.</p>`}
      <${Told} all=${proof.warnings} words=${(number) => count(number, "warning")} of=${(one) => one} />
      <${Told} all=${proof.unconfined} words=${() => "what was not confined"} of=${(one) => one} />
    <//>
    ${isStarted &&
    !proof.said &&
    html`<${Step} name="read back" kind=${proof.differences.length ? "bad" : "good"} words=${count(proof.readings, "value")}>
      <${Told}
        all=${proof.differences}
        words=${(number) => `${number} differ`}
        of=${(one) => html`${optionName(one)} given <code>${one.given}</code>, has <code>${valueWords(one.got)}</code>`}
      />
      <${Told} all=${proof.buses} words=${(number) => count(number, "PCI bus", "PCI buses")} of=${(one) => html`<code>${one.name}</code> ${one.handler ? `plugged by ${one.handler}` : "no hot-plug"}`} />
    <//>`}
  </ol>`;
}

function Outcome({ told }) {
  return html`<p class="outcome" role="status">
    <${Badge} kind=${OUTCOME_KIND[told.verdict] || "faint"}>${told.verdict}<//>
    <span class="faint">
      ${told.version ? `QEMU ${told.version.major}.${told.version.minor}.${told.version.micro}, ` : ""}${told.seconds.toFixed(2)} s${told.remembered ? ", remembered" : ""}
    </span>
  </p>`;
}

function PlugSteps({ told }) {
  return html`<${Fragment}>
    ${told.reason && html`<p>${told.reason}</p>`}
    ${told.said && html`<pre class="words" tabindex="0">${told.said}</pre>`}
    <ol class="steps">
      ${told.steps.map(
        (one) => html`<${Step} key=${one.number} name=${`${one.execute} ${one.name}`} kind=${OUTCOME_KIND[one.outcome]} words=${one.outcome}>
          ${(one.said || one.reason) && html`<p>${one.said || one.reason}</p>`}
          ${one.seen && html`<p class="faint">${one.seen}</p>`}
        <//>`,
      )}
      ${[...told.taken_out, ...told.unplugged].map(
        (one, at) => html`<${Step} key=${`out ${at}`} name=${`${one.execute} ${one.name}`} kind=${OUTCOME_KIND[one.outcome]} words=${one.outcome}>
          ${(one.said || one.reason) && html`<p>${one.said || one.reason}</p>`}
        <//>`,
      )}
    </ol>
    <${Told} all=${told.findings} words=${(number) => count(number, "finding")} of=${(one) => html`${optionName(one)} ${one.message}`} />
  <//>`;
}

const guestChange = (one) =>
  html`<code>${[one.where, one.part].filter(Boolean).join(" ")}</code> ${valueWords(one.here)} → ${valueWords(one.there)}`;

const cardName = (one) => (one === null ? "is not there" : (one.name ?? "is not known"));
const cardChange = ({ card, before, after }) => html`<code>${card}</code> ${cardName(before)} → ${cardName(after)}`;

function MigrationSteps({ told }) {
  const at = ["source", "stream", "destination"].indexOf(told.stage);
  const kind = (number) => (at < 0 || number < at ? "good" : number === at ? "bad" : "faint");
  const side = (one) => `${one.version.major}.${one.version.minor}.${one.version.micro} ${one.machine}`;
  return html`<${Fragment}>
    ${told.reason && html`<p>${told.reason}</p>`}
    ${told.said && html`<pre class="words" tabindex="0">${told.said}</pre>`}
    <ol class="steps">
      <${Step} name="started where it is" kind=${kind(0)} words=${side(told.source)} />
      <${Step} name="sent" kind=${kind(1)} words=${told.state_bytes ? `${Math.round(told.state_bytes / 1024)} KiB` : ""}>
        ${told.device && html`<p>It is about <code>${told.device}</code>.</p>`}
        <${Told} all=${told.because} words=${() => "how the two differ there"} of=${guestChange} />
      <//>
      <${Step} name="goes on there" kind=${kind(2)} words=${side(told.destination)} />
    </ol>
    <${Told} all=${told.changes} words=${(number) => `the guest would see ${count(number, "change")}`} of=${guestChange} />
    <${Told} all=${told.unknown} words=${() => "what a rehearsal cannot tell"} of=${(one) => one} />
  <//>`;
}

// What is told of each way that a guest was to go; a domain that one of the QEMUs cannot have has its reasons.
function MoveTold({ told }) {
  return told.migrations.map(
    (one, at) => html`<div key=${at}>
      ${one.migration && html`<${Outcome} told=${one.migration} /><${MigrationSteps} told=${one.migration} />`}
      ${one.unreadable && html`<p class="problem">${one.unreadable}</p>`}
      <${Told} all=${one.refusals} words=${() => "why"} of=${(refusal) => refusal.message} isOpen />
      <${Told} all=${one.cards} words=${() => "network cards that the guest would call otherwise"} of=${cardChange} />
    </div>`,
  );
}

const SIDE_WORDS = { source: "where it is", destination: "where it goes" };
const STEP_WORDS = {
  translated: () => "is a command line",
  checked: ({ number }) => `checked: ${count(number, "finding")}`,
  remembered: () => "was proven before",
  shared: () => "somebody asks the same just now: waits for that",
  waits: () => "waits for its turn",
  begins: () => "begins",
  "made ready": ({ number }) => `made ready with ${count(number, "stand-in")}`,
  started: ({ what }) => `started${what ? `, confined by ${what}` : ""}`,
  driven: ({ number }) => `${count(number, "device")} driven`,
  "read back": ({ number }) => `read back${number === undefined ? "" : `: ${count(number, "value")}`}`,
  command: ({ what, outcome }) => `${what}: ${outcome}`,
  "taken out": ({ what, outcome }) => `${what}: ${outcome}`,
  sent: ({ number, outcome }) => `sent, ${Math.round(number / 1024)} KiB: ${outcome}`,
  "way back": () => "and back again",
};

// What happens while one waits, told to who listens as well.  It is there before it says anything, as a screen reader
// tells of what changes; once there is an answer that has all of it.
function StepsNow({ steps }) {
  return html`<ol class="steps now" aria-live="polite" aria-label="What happens">
    ${steps.map(
      (one, at) => html`<li key=${at} class="step faint">
        ${one.side && `${SIDE_WORDS[one.side]}: `}${STEP_WORDS[one.name](one)} <span class="faint">${one.seconds.toFixed(2)} s</span>
      </li>`,
    )}
  </ol>`;
}

// One thing that is done by a click: what it is about, how long it takes, and what came of it or went wrong.
// It is about what is there at the click: of what is typed after it, or of another QEMU, nothing was said.
function useClick(about, work) {
  const [state, setState] = useState({ since: 0, told: null, error: null, steps: [] });
  const start = async () => {
    const steps = [];
    const since = Date.now();
    setState({ since, told: null, error: null, steps });
    const onStep = (step) => {
      steps.push(step);
      setState({ since, told: null, error: null, steps: [...steps] });
    };
    try {
      setState({ since: 0, told: await work(onStep), error: null, about, steps: [] });
    } catch (error) {
      setState({ since: 0, told: null, error, about, steps });
    }
  };
  return [{ ...state, isEarlier: !state.since && (state.told || state.error) && state.about !== about }, start];
}

function Wrong({ error }) {
  if (!error) return null;
  return html`<div class="problem" role="alert">
    <p>${error.message}${error.hint ? ` (${error.hint})` : ""}</p>
    ${(error.value?.refusals || []).slice(0, 5).map((one, at) => html`<p key=${at}>${one.message}</p>`)}
  </div>`;
}

function ClickWork({ words, isReady, state, start, children }) {
  return html`<div class="work">
    <p>
      <button type="button" class="primary" disabled=${!isReady || state.since > 0} onClick=${start}>${words}</button>
      ${state.since > 0 && html` <${Elapsed} since=${state.since} />`}
    </p>
    ${state.isEarlier && html`<p class="aside">This was said of what was here before:</p>`}
    <${StepsNow} steps=${state.steps} />
    <${Wrong} error=${state.error} />
    ${state.told && children(state.told)}
  </div>`;
}

function ProveWork({ text, isDomain, qemu }) {
  const kind = isDomain ? "application/xml" : "text/plain";
  const [state, start] = useClick(qemu.ident + text, (onStep) => click("prove", { binary: qemu.ident }, text, kind, onStep));
  return html`<${ClickWork} words="Prove it: start this QEMU with it" isReady=${text.trim()} state=${state} start=${start}>
    ${(told) => html`<${Outcome} told=${told} /><${ProofSteps} proof=${told} />`}
  <//>`;
}

function PlugWork({ text, qemu }) {
  const [device, setDevice] = useState("");
  const [state, start] = useClick(qemu.ident + text + device, (onStep) => {
    const body = JSON.stringify({ domain: text, devices: [device] });
    return click("plug", { binary: qemu.ident }, body, "application/json", onStep);
  });
  return html`<details class="rehearsal">
    <summary>plug a device into it</summary>
    <label class="field">
      <span>device XML, as virsh attach-device takes it</span>
      <textarea rows="4" spellcheck=${false} maxlength="100000" value=${device} onInput=${(event) => setDevice(event.currentTarget.value)}></textarea>
    </label>
    <${ClickWork} words="Rehearse plugging it" isReady=${text.trim() && device.trim()} state=${state} start=${start}>
      ${(told) => html`<${Outcome} told=${told} /><${PlugSteps} told=${told} />`}
    <//>
  </details>`;
}

function MoveWork({ text, qemu, book }) {
  const others = live.entries.filter(({ kind, state }) => kind === "binary" && state === "ready");
  const [to, setTo] = useState("");
  const target = to || others.find(({ id }) => id !== qemu.ident)?.id || qemu.ident;
  const [state, start] = useClick(qemu.ident + text + target, (onStep) =>
    click("migrate", { binary: qemu.ident, to: target }, text, "application/xml", onStep),
  );
  return html`<details class="rehearsal">
    <summary>migrate it</summary>
    <${Select} label="to" value=${target} options=${others.map(({ id, path }) => [id, `${book.qemus.find(({ ident }) => ident === id)?.version || ""} · ${path}`])} onChange=${setTo} />
    <${ClickWork} words="Rehearse the migration" isReady=${text.trim()} state=${state} start=${start}>
      ${(told) => html`<${MoveTold} told=${told} />`}
    <//>
  </details>`;
}

function Starts({ text, isDomain, qemu, book }) {
  const { entries } = useLive();
  const entry = entries.find(({ id }) => id === qemu.ident);
  if (entry?.kind !== "binary")
    return html`<p class="aside">QEMU ${qemu.version} is a recording here: it is held against, and cannot be started.</p>`;
  return html`<section class="starts" aria-label="What starts this QEMU">
    <${ProveWork} text=${text} isDomain=${isDomain} qemu=${qemu} />
    ${isDomain && live.can("/v1/binaries/{id}/plug") && html`<${PlugWork} text=${text} qemu=${qemu} />`}
    ${isDomain && live.can("/v1/binaries/{id}/migrate") && html`<${MoveWork} text=${text} qemu=${qemu} book=${book} />`}
  </section>`;
}
