// The guest's PCI buses as a tree, with who plugs on each.
"use strict";

const HOTPLUG_WORDS = {
  acpi: "plugged by ACPI",
  native: "PCI Express hot-plug",
  shpc: "plugged by an SHPC",
  none: "no hot-plug",
  unknown: "hot-plug unknown",
};
const HOTPLUG_KIND = { acpi: "good", native: "good", shpc: "plain", none: "bad", unknown: "faint" };

function BusHead({ bus }) {
  const words = html`<code class="bus-name">${bus.name}</code> <span class="faint">${bus.model}</span>${" "}
    <${Badge} kind=${HOTPLUG_KIND[bus.hotplug] || "faint"}>${HOTPLUG_WORDS[bus.hotplug] || bus.hotplug}<//>`;
  if (!bus.rules.length) return html`<div class="bus-head">${words}</div>`;
  return html`<details class="rules">
    <summary class="bus-head">${words} <span class="why">why</span></summary>
    <ul>
      ${bus.rules.map((rule) => html`<li key=${rule}>${rule}</li>`)}
    </ul>
  </details>`;
}

function PciDevice({ device, named }) {
  const bus = named.get(device.bus);
  return html`<li>
    <span class="device">
      <code class="slot">${device.place}</code>
      ${bus
        ? html`<${PciBus} bus=${bus} named=${without(named, bus.name)} />`
        : html`<span>${device.what}</span> <code class="faint">${device.name}</code>`}
    </span>
  </li>`;
}

function PciBus({ bus, named }) {
  return html`<div class="bus">
    <${BusHead} bus=${bus} />
    ${bus.devices.length > 0 &&
    html`<ul class="on-bus">
      ${bus.devices.map((device) => html`<${PciDevice} key=${device.place + device.name} device=${device} named=${named} />`)}
    </ul>`}
  </div>`;
}

// A bus is drawn once, whatever a guest's addresses say.
function without(named, name) {
  return new Map([...named].filter(([key]) => key !== name));
}

function PciTree({ buses }) {
  const named = new Map(buses.map((bus) => [bus.name, bus]));
  const inner = new Set(buses.flatMap((bus) => bus.devices.map((device) => device.bus)));
  const roots = buses.filter((bus) => !inner.has(bus.name));
  return html`<section class="tree" aria-label="PCI buses of the guest">
    <h3>PCI buses, and who plugs there</h3>
    ${buses.length === 0 && html`<p class="empty">Of this guest no PCI bus is known.</p>`}
    ${roots.map((bus) => html`<${PciBus} key=${bus.name} bus=${bus} named=${without(named, bus.name)} />`)}
  </section>`;
}
