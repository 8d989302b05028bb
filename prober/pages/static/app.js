// The page as a whole: where one may go, and what is there.
"use strict";

const REPORT_PAGES = [
  ["qemus", "QEMUs", QemusPage],
  ["types", "Types", TypesPage],
  ["difference", "Difference", DifferencePage],
  ["domains", "Domains", DomainsPage],
];

function App({ book, live }) {
  const place = usePlace();
  const pages = live ? [...REPORT_PAGES, ...live.pages] : REPORT_PAGES;
  const [name, title, Page] = pages.find(([one]) => one === place.page) || pages[0];
  const moved = useRef(false);
  useEffect(() => {
    document.title = `${title} – ${book.title}`;
    // Whoever follows a link hears where it led.
    if (moved.current) document.getElementById("page-title")?.focus({ preventScroll: true });
    moved.current = true;
  }, [name]);
  return html`<${Fragment}>
    <a class="skip" href="#page-title" onClick=${skipToPage}>to the content</a>
    <header class="top">
      <h1>${book.title}</h1>
      <nav aria-label="Pages">
        ${pages.map(
          ([page, words]) =>
            html`<a key=${page} href=${placeOf(page)} aria-current=${page === name ? "page" : undefined}>${words}</a>`,
        )}
      </nav>
    </header>
    <main><${Drawn} key=${name}><${Page} book=${book} place=${place} live=${live} /><//></main>
    <footer>${book.made}</footer>
  <//>`;
}

function skipToPage(event) {
  event.preventDefault();
  document.getElementById("page-title").focus();
}

// "/" goes to the search, as in many programs.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
  const search = document.querySelector("input[type=search]");
  if (search) {
    event.preventDefault();
    search.focus();
  }
});

async function start() {
  const root = document.getElementById("app");
  try {
    const told = document.getElementById("book");
    if (!told) return await startLive(root);
    const book = await unpackBook(told.textContent);
    root.replaceChildren();
    render(html`<${App} book=${book} live=${null} />`, root);
    document.documentElement.dataset.ready = "yes";
  } catch (error) {
    root.textContent = `This page cannot be shown: ${error.message}`;
    throw error;
  }
  return undefined;
}

start();
