// What one QEMU has and another has not, or has otherwise: the same as `prober diff` says, group by group and change by
// change (prober/capabilities/diff.py and membersdiff.py; a test compares the two).
"use strict";

const GROUPS = [
  "machines", "cpu-models", "devices", "types", "properties", "commands", "events", "members", "options", "keys",
];
const KINDS = ["added", "removed", "changed", "deprecated", "undeprecated"];
const MACHINE_SIDES = MACHINE_FIELDS.slice(2);
const CPU_SIDES = ["alias_of", "typename", "migration_safe", "static"];
// Where null says "none", and not "not told".
const MAY_BE_NONE = new Set(["alias", "alias_of"]);
// What device-list-properties leaves out and qom-list-properties does not.
const QOM_ALONE = new Set(["type", "realized", "hotpluggable", "hotplugged", "parent_bus"]);

class Comparison {
  constructor(a, b) {
    this.a = a;
    this.b = b;
    this.book = a.book;
    this.changes = Object.fromEntries(GROUPS.map((name) => [name, []]));
    this.unknown = Object.fromEntries(GROUPS.map((name) => [name, 0]));
    this.propertiesCompared = 0;
    this.defaultsCompared = 0;
    this.accelerator = ["kvm", "tcg"].find((name) => a.under(name) && b.under(name)) || null;
    this.machines();
    this.cpus();
    this.types();
    this.properties();
    this.schema();
    this.options();
    this.backends();
    for (const name of GROUPS) this.changes[name].sort(changeOrder);
  }

  get total() {
    return GROUPS.reduce((sum, name) => sum + this.changes[name].length, 0);
  }

  tell(group, fact, kind, more = {}) {
    this.changes[group].push({ fact, kind, what: "", a: null, b: null, of: "", when: [], ...more });
  }

  // Tell what is on one list alone; the names that are on both.  A list that was not asked is null.
  lists(group, a, b, prefix = "", of = "") {
    if (a === null || b === null) {
      this.unknown[group] += (a || b || []).length;
      return [];
    }
    const [first, second] = [new Set(a.filter(Boolean)), new Set(b.filter(Boolean))];
    for (const name of first) if (!second.has(name)) this.tell(group, prefix + name, "removed", { of });
    for (const name of second) if (!first.has(name)) this.tell(group, prefix + name, "added", { of });
    return [...first].filter((name) => second.has(name));
  }

  deprecation(group, fact, a, b, when = []) {
    if (a !== b) this.tell(group, fact, b ? "deprecated" : "undeprecated", { when });
  }

  changed(group, fact, what, a, b, more = {}) {
    if (JSON.stringify(a) !== JSON.stringify(b)) this.tell(group, fact, "changed", { what, a, b, ...more });
  }

  sides(group, a, b, sides) {
    const told = sides.filter((side) => [a, b].every((rows) => [...rows.values()].some((row) => row[side])));
    for (const name of this.lists(group, [...a.keys()], [...b.keys()])) {
      const [one, other] = [a.get(name), b.get(name)];
      if (one === other) continue;
      this.deprecation(group, name, one.deprecated, other.deprecated);
      for (const side of told)
        if (MAY_BE_NONE.has(side) || (one[side] !== null && other[side] !== null))
          this.changed(group, name, side.replaceAll("_", "-"), one[side], other[side]);
    }
  }

  under(qemu) {
    return (this.accelerator && qemu.under(this.accelerator)) || qemu.first;
  }

  machines() {
    const [a, b] = [this.a, this.b].map((qemu) => this.under(qemu).machines || qemu.first.machines);
    if (a && b) this.sides("machines", a, b, MACHINE_SIDES);
    else this.lists("machines", a && [...a.keys()], b && [...b.keys()]);
  }

  cpus() {
    const [a, b] = [this.a, this.b].map((qemu) => this.under(qemu).cpus);
    if (a && b) this.sides("cpu-models", a, b, CPU_SIDES);
    else this.lists("cpu-models", a && [...a.keys()], b && [...b.keys()]);
  }

  types() {
    const [a, b] = [typesByName(this.a), typesByName(this.b)];
    const leftOut = new Set([...typesOfOthers(this.a), ...typesOfOthers(this.b)]);
    if (!this.a.has_abstract || !this.b.has_abstract) {
      // One was asked for concrete types alone: what is abstract in the other may be there as well.
      const every = new Map([...(a || []), ...(b || [])]);
      const untold = [...every].filter(([name, isAbstract]) => isAbstract && !(a?.has(name) && b?.has(name)));
      this.unknown.types += untold.length;
      for (const [name] of untold) leftOut.add(name);
    }
    const isDevice = (name) => [this.a, this.b].some((qemu) => qemu.types.get(name)?.marks & MARK.device);
    for (const [group, wanted] of [["devices", true], ["types", false]]) {
      const keep = (all) => all && [...all.keys()].filter((name) => !leftOut.has(name) && !!isDevice(name) === wanted);
      for (const name of this.lists(group, keep(a), keep(b)))
        this.changed(group, name, "abstract", a.get(name), b.get(name));
    }
  }

  properties() {
    const told = new Set();
    const known = ([, { marks }]) => marks & (MARK.concrete | MARK.asked) && !(marks & MARK.unloadable);
    const names = [...this.a.types].filter(known).map(([name]) => name).sort(byCode);
    for (const name of names) {
      const [one, other] = [this.a.types.get(name), this.b.types.get(name)];
      if (!other || !known([name, other])) continue;
      const family = one.family && other.family;
      if (family) {
        if (told.has(family)) continue;
        told.add(family);
      }
      this.propertiesOf(this.factOf(name), one, other);
    }
  }

  // A machine's type is told by the machine's own name.
  factOf(typename) {
    const machine = typename.replace(/-machine$/, "");
    if (machine === typename) return typename;
    return [this.a, this.b].some((qemu) => qemu.first.machines?.has(machine)) ? machine : typename;
  }

  propertiesOf(fact, one, other) {
    const [a, b] = [one, other].map((row) => this.book.propertiesOf(row.properties));
    if (a === null || b === null) {
      this.unknown.properties += 1;
      return;
    }
    const same = one.question === other.question;
    const [first, second] = [a, b].map(
      (all) =>
        new Map(
          all
            .filter(({ name }) => !name.startsWith("legacy-") && (same || !QOM_ALONE.has(name)))
            .map((row) => [row.name, row]),
        ),
    );
    const common = this.lists("properties", [...first.keys()], [...second.keys()], `${fact}.`, fact);
    this.propertiesCompared += common.length;
    for (const name of common) {
      const [was, now] = [first.get(name), second.get(name)];
      const more = { of: fact };
      this.changed("properties", `${fact}.${name}`, "type", was.type, now.type, more);
      // Where one tells none, it may be that this QEMU tells no defaults at all.
      if (was.default !== null && now.default !== null) {
        this.defaultsCompared += 1;
        this.changed("properties", `${fact}.${name}`, "default", was.default, now.default, more);
      }
    }
  }

  schema() {
    const { a, b } = this;
    const common = this.lists("commands", a.commands && [...a.commands.keys()], b.commands && [...b.commands.keys()]);
    this.lists("events", a.events, b.events);
    if (a.events === null || b.events === null) {
      this.unknown.members += common.length;
      return;
    }
    for (const name of common) {
      const [was, now] = [a.commands.get(name), b.commands.get(name)];
      this.deprecation("commands", name, was.deprecated, now.deprecated);
      this.command(name, was.members, now.members);
    }
  }

  // One path may lead through several variants to one type: what differs there is told once.
  command(name, a, b) {
    const before = this.changes.members;
    this.changes.members = [];
    this.members(name, a, b);
    const told = new Set();
    for (const change of this.changes.members) {
      const key = JSON.stringify([change.fact, change.when, change.kind, change.what]);
      if (!told.has(key)) before.push(change);
      told.add(key);
    }
    this.changes.members = before;
  }

  members(path, a, b) {
    if (a === b || a === NONE || b === NONE) return;
    const [first, second] = [this.membersByKey(a), this.membersByKey(b)];
    const [tags, otherTags] = [branchesOf(first), branchesOf(second)];
    for (const key of new Set([...first.keys(), ...second.keys()])) {
      const [one, other] = [first.get(key), second.get(key)];
      const { name, when } = one || other;
      const fact = `${path}.${name}`;
      // A member of a variant that is new itself, or gone, is not told.
      if (!one) when.every((tag) => tags.has(tag)) && this.tell("members", fact, "added", { when });
      else if (!other) when.every((tag) => otherTags.has(tag)) && this.tell("members", fact, "removed", { when });
      else if (one !== other) this.member(fact, one, other);
    }
  }

  member(fact, one, other) {
    const { when } = one;
    this.changed("members", fact, "type", one.type, other.type, { when });
    this.changed("members", fact, "optional", one.optional, other.optional, { when });
    this.deprecation("members", fact, one.deprecated, other.deprecated, when);
    if (one.values.length && other.values.length) this.values(fact, new Map(one.values), new Map(other.values), when);
    this.members(fact, one.below, other.below);
  }

  values(fact, a, b, when) {
    for (const name of new Set([...a.keys(), ...b.keys()])) {
      if (!b.has(name)) this.tell("members", `${fact}.${name}`, "removed", { when });
      else if (!a.has(name)) this.tell("members", `${fact}.${name}`, "added", { when });
      else this.deprecation("members", `${fact}.${name}`, a.get(name), b.get(name), when);
    }
  }

  membersByKey(list) {
    const found = new Map();
    for (const at of this.book.memberLists[list]) {
      const row = this.book.members[at];
      const key = memberKey(row.name, row.when);
      if (!found.has(key)) found.set(key, row);
    }
    return found;
  }

  options() {
    const [a, b] = [this.a.options, this.b.options];
    for (const name of this.lists("options", a && [...a.keys()], b && [...b.keys()], "-")) {
      const [first, second] = [a.get(name).keys, b.get(name).keys];
      for (const key of this.lists("keys", [...first.keys()], [...second.keys()], `-${name}.`))
        this.changed("keys", `-${name}.${key}`, "type", first.get(key), second.get(key));
    }
  }

  backends() {
    ["-display ", "-audiodev ", "-blockdev "].forEach((prefix, at) =>
      this.lists("options", this.a.backends[at], this.b.backends[at], prefix),
    );
  }
}

// Each type that can be had, and whether it is abstract; a listed type that cannot be loaded is not there.
function typesByName(qemu) {
  if (!qemu.has_types) return null;
  const listed = [...qemu.types].filter(
    ([, { marks }]) => marks & (MARK.abstract | MARK.concrete) && !(marks & MARK.unloadable),
  );
  return new Map(listed.map(([name, { marks }]) => [name, !!(marks & MARK.abstract)]));
}

// The QOM types of machines and CPU models, which are told as these.
function typesOfOthers(qemu) {
  const names = new Set();
  for (const { machines, cpus } of qemu.accelerators) {
    for (const name of machines?.keys() || []) names.add(`${name}-machine`);
    for (const cpu of cpus?.values() || []) names.add(cpu.typename || `${cpu.name}-${qemu.target}-cpu`);
  }
  return names;
}

// Every TAG=VALUE that these members may have.
function branchesOf(members) {
  const rows = [...members.values()];
  const tags = new Set(rows.flatMap((row) => row.when));
  const names = new Set([...tags].map((tag) => tag.split("=")[0]));
  for (const row of rows) if (names.has(row.name)) for (const [value] of row.values) tags.add(`${row.name}=${value}`);
  return tags;
}

const byCode = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

function changeOrder(one, other) {
  return byName(one.fact, other.fact) || byCode(one.when.join(), other.when.join()) || byCode(one.kind, other.kind);
}

// Whether a change is about something that is used (prober/translate/uses.py).  A default that changes concerns whoever
// uses the type: what a domain does not set, it takes from there.
function concerns(used, group, change) {
  return used.some((one) => {
    if (group === "members") return one.members.has(memberKey(change.fact, change.when));
    return one.facts.has(change.fact) || (change.what === "default" && one.types.has(change.of));
  });
}
