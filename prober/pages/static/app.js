// The page as a whole: where one may go, and what is there.
"use strict";

// The pages are each a name, words, and what draws it.
function App({ book, pages, live = null }) {
  const place = usePlace();
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

// Draw it in the place of what stood there while it was read.
function show(root, page) {
  root.replaceChildren();
  render(page, root);
  document.documentElement.dataset.ready = "yes";
}

// Open the page: what does that gets the place to draw it, and the data where it lies in the page.
async function startPage(open) {
  const root = document.getElementById("app");
  try {
    await open(root, document.getElementById("book")?.textContent);
  } catch (error) {
    root.textContent = `This page cannot be shown: ${error.message}`;
    throw error;
  }
}
