// A report, or the live page: of which pages it is made, and where its data is.
"use strict";

const REPORT_PAGES = [
  ["qemus", "QEMUs", QemusPage],
  ["types", "Types", TypesPage],
  ["difference", "Difference", DifferencePage],
  ["domains", "Domains", DomainsPage],
];

startPage(async (root, told) => {
  if (told === undefined) return startLive(root);
  const book = await unpackBook(told);
  return show(root, html`<${App} book=${book} pages=${REPORT_PAGES} />`);
});
