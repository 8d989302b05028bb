// What the page was told (prober/pages/models.py), and how a single thing is found in it.
"use strict";

const NONE = -1;
const MARK = { abstract: 1, concrete: 2, unloadable: 4, crashed: 8, device: 16, asked: 32 };
const MACHINE_FIELDS = [
  "name", "deprecated", "alias", "is_default", "default_cpu_type", "default_ram_id", "cpu_max",
  "hotpluggable_cpus", "numa_mem_supported", "acpi",
];
const CPU_FIELDS = ["name", "deprecated", "alias_of", "typename", "migration_safe", "static"];

const machineOf = namedRow(MACHINE_FIELDS);
const cpuOf = namedRow(CPU_FIELDS);
const typeOf = namedRow(["name", "parent", "marks", "properties", "question", "family", "said"]);
const propertyOf = namedRow(["name", "type", "default", "description"]);
const memberOf = namedRow(["name", "type", "optional", "deprecated", "when", "values", "below"]);
const commandOf = namedRow(["name", "deprecated", "members"]);
const deviceOf = namedRow(["place", "name", "what", "bus"]);

function busOf([name, model, hotplug, rules, devices]) {
  return { name, model, hotplug, rules, devices: devices.map(deviceOf) };
}

function cellOf([verdict, refusals, notes, argv, buses, used]) {
  return {
    verdict,
    refusals: refusals.map(remarkOf),
    notes: notes.map(remarkOf),
    argv,
    buses: buses.map(busOf),
    used,
  };
}

class Book {
  constructor(told) {
    this.title = told.title;
    this.made = told.made;
    const { pools } = told;
    this.properties = pools.properties.map(propertyOf);
    this.propertyLists = pools.property_lists;
    this.types = pools.types.map(typeOf);
    this.machines = pools.machines.map(machineOf);
    this.cpus = pools.cpus.map(cpuOf);
    this.members = pools.members.map(memberOf);
    this.memberLists = pools.member_lists;
    this.commands = pools.commands.map(commandOf);
    this.options = pools.options.map(([name, keys]) => ({ name, keys: new Map(keys) }));
    this.used = pools.used.map(([facts, types, members]) => ({
      facts: new Set(facts),
      types: new Set(types),
      members: new Set(members.map(([fact, when]) => memberKey(fact, when))),
    }));
    this.qemus = told.qemus.map((row, at) => new Qemu(this, row, at));
    this.domains = told.domains.map(([name, xml]) => ({ name, xml }));
    this.outcomes = told.outcomes.map(cellOf);
    this.cells = told.cells;
    nameApart(this.qemus);
  }

  cell(domain, qemu) {
    return this.outcomes[this.cells[domain][qemu]];
  }

  propertiesOf(list) {
    return list === NONE ? null : this.propertyLists[list].map((at) => this.properties[at]);
  }

  // Every type by its name, with the QEMUs that have it and its row in each.
  get everyType() {
    if (!this._everyType) {
      const found = new Map();
      for (const qemu of this.qemus)
        for (const row of qemu.types.values()) {
          if (row.marks & MARK.unloadable) continue;
          if (!found.has(row.name)) found.set(row.name, []);
          found.get(row.name).push([qemu, row]);
        }
      this._everyType = new Map([...found].sort(([a], [b]) => byName(a, b)));
    }
    return this._everyType;
  }
}

class Qemu {
  constructor(book, row, at) {
    Object.assign(this, row);
    this.book = book;
    this.at = at;
    this.short = row.version;
    this.types = new Map(row.types.map((number) => [book.types[number].name, book.types[number]]));
    const listed = (numbers, pool) =>
      numbers === null ? null : new Map(numbers.map((number) => [pool[number].name, pool[number]]));
    this.accelerators = row.accelerators.map(([name, machines, cpus]) => ({
      name,
      machines: listed(machines, book.machines),
      cpus: listed(cpus, book.cpus),
    }));
    this.commands = listed(row.commands, book.commands);
    this.options = listed(row.options, book.options);
  }

  get first() {
    return this.accelerators[0] || { name: "", machines: null, cpus: null };
  }

  under(name) {
    return this.accelerators.find((one) => one.name === name) || null;
  }

  // The types that descend from "device", and the others, as far as they can be had.
  counted(isDevice) {
    if (!this.has_types) return null;
    let number = 0;
    for (const { marks } of this.types.values())
      if (marks & MARK.concrete && !(marks & MARK.unloadable) && !!(marks & MARK.device) === isDevice) number += 1;
    return number;
  }

  get propertyCount() {
    let number = 0;
    for (const row of this.types.values())
      if (row.properties !== NONE) number += this.book.propertyLists[row.properties].length;
    return number;
  }

  get crashing() {
    return [...this.types.values()].filter((row) => row.marks & MARK.crashed);
  }

  get unloadable() {
    return [...this.types.values()].filter((row) => row.marks & MARK.unloadable);
  }
}

const memberKey = (fact, when) => `${fact} ${when.join(" ")}`;

// QEMUs of one version are told apart by their targets, and where these are the same by what they were named by.
function nameApart(qemus) {
  const counted = new Map();
  const key = ({ version, target }) => `${version} ${target}`;
  for (const qemu of qemus)
    for (const name of [qemu.version, key(qemu)]) counted.set(name, (counted.get(name) || 0) + 1);
  for (const qemu of qemus) {
    const file = qemu.label.split("/").pop().replace(/\.replies(\.xz)?$/, "");
    qemu.full = file.includes(qemu.version) ? key(qemu).replace(" ", " · ") : `${qemu.version} · ${file}`;
    qemu.name = /\.replies(\.xz)?$/.test(qemu.label) ? qemu.label.split("/").pop() : qemu.label;
    if (counted.get(qemu.version) > 1) qemu.short = counted.get(key(qemu)) > 1 ? `${qemu.version} ${file}` : key(qemu);
  }
}

// Of the QEMUs of a book in the order of their versions: "from 6.1.0", "2.1.1 to 5.1.0", "all", or several of these.
// Those that cannot tell (has is null) end no run.
function spanWords(qemus, has) {
  const told = qemus
    .map((qemu) => [qemu, has(qemu)])
    .filter(([, value]) => value !== null)
    .sort(([a], [b]) => byName(a.version, b.version));
  if (!told.length) return "unknown";
  if (told.every(([, value]) => value)) return told.length === qemus.length ? "all" : "all that tell";
  const runs = [];
  told.forEach(([qemu, value], at) => {
    if (!value) return;
    if (at && told[at - 1][1]) runs[runs.length - 1].push([qemu, at]);
    else runs.push([[qemu, at]]);
  });
  const last = told.length - 1;
  const words = runs.map((run) => {
    const [begin, end] = [run[0], run[run.length - 1]];
    if (end[1] === last) return begin[1] === last ? begin[0].version : `from ${begin[0].version}`;
    if (begin[1] === 0) return run.length === 1 ? begin[0].version : `up to ${end[0].version}`;
    return run.length === 1 ? begin[0].version : `${begin[0].version} to ${end[0].version}`;
  });
  return words.join(", ") || "none";
}

// The book that lies in the page, or that a service gives.
async function unpackBook(text) {
  return new Book(await unpack(text));
}
