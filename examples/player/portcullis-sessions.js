// <portcullis-sessions>: a player's own sessions, to be ended one by one, all others, or all. No dependencies.
//
//   <script type="module" src="portcullis-sessions.js"></script>
//   <portcullis-sessions base="/api/v1/user" lang="de"></portcullis-sessions>
//
// It asks `base` (default: /api/v1/user) at the page's own origin, with the page's cookies: a gateway there has to turn
// them into X-User-ID and X-Session-ID. `lang` is en, de or fr; without it the page's language counts, then English.
// It tells `portcullis-ended` with {detail: {revoked}} after each ending, and `portcullis-signed-out` when the session
// that the page was opened with has ended as well. It runs under `default-src 'none'; script-src 'self'; connect-src 'self'`.

const WORDS = {
  en: {
    title: "Your sessions",
    here: "this device",
    unknown: "Unknown device",
    since: (time) => `since ${time}`,
    end: "Sign out",
    others: "Sign out all other devices",
    all: "Sign out everywhere",
    sure: "Really?",
    yes: "Yes, sign out",
    no: "No",
    more: "Show more",
    none: "There is no session.",
    busy: "One moment…",
    ended: (n) => (n === 1 ? "One device has been signed out." : `${n} devices have been signed out.`),
    failed: "That did not work. Try again in a moment.",
    again: "Try again",
    out: "You are signed out.",
  },
  de: {
    title: "Deine Anmeldungen",
    here: "dieses Gerät",
    unknown: "Unbekanntes Gerät",
    since: (time) => `seit ${time}`,
    end: "Abmelden",
    others: "Alle anderen Geräte abmelden",
    all: "Überall abmelden",
    sure: "Wirklich?",
    yes: "Ja, abmelden",
    no: "Nein",
    more: "Mehr anzeigen",
    none: "Es gibt keine Anmeldung.",
    busy: "Einen Moment…",
    ended: (n) => (n === 1 ? "Ein Gerät wurde abgemeldet." : `${n} Geräte wurden abgemeldet.`),
    failed: "Das hat nicht geklappt. Versuche es gleich noch einmal.",
    again: "Noch einmal",
    out: "Du bist abgemeldet.",
  },
  fr: {
    title: "Tes sessions",
    here: "cet appareil",
    unknown: "Appareil inconnu",
    since: (time) => `depuis ${time}`,
    end: "Déconnecter",
    others: "Déconnecter tous les autres appareils",
    all: "Déconnecter partout",
    sure: "Vraiment ?",
    yes: "Oui, déconnecter",
    no: "Non",
    more: "En voir plus",
    none: "Il n’y a aucune session.",
    busy: "Un instant…",
    ended: (n) => (n === 1 ? "Un appareil a été déconnecté." : `${n} appareils ont été déconnectés.`),
    failed: "Cela n’a pas marché. Réessaie dans un instant.",
    again: "Réessayer",
    out: "Tu es déconnecté.",
  },
};

const PAGE = 100;

const style = new CSSStyleSheet();
style.replaceSync(`
  :host { display: block; font: inherit; color: inherit; max-width: 40rem; }
  h2 { font-size: 1.2em; margin: 0 0 .5em; }
  ul { list-style: none; margin: 0; padding: 0; }
  li { display: flex; flex-wrap: wrap; gap: .25em 1em; align-items: center; padding: .6em 0; border-bottom: 1px solid; border-color: color-mix(in srgb, currentColor 25%, transparent); }
  .what { flex: 1 1 14em; min-width: 0; overflow-wrap: anywhere; }
  .what small { display: block; }
  button { font: inherit; color: inherit; background: none; border: 1px solid currentColor; border-radius: .4em; padding: .35em .8em; cursor: pointer; }
  button:focus-visible { outline: 3px solid; outline-offset: 2px; }
  .all { display: flex; flex-wrap: wrap; gap: .5em; margin-top: 1em; align-items: center; }
`);

function make(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

class PortcullisSessions extends HTMLElement {
  static observedAttributes = ["base", "lang"];

  #sessions = [];
  #next = null;
  #asked = null; // what waits for a second yes
  #told = "";
  #state = "busy"; // busy, shown, failed, out

  constructor() {
    super();
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = [style];
  }

  connectedCallback() {
    this.load();
  }

  attributeChangedCallback() {
    if (this.isConnected) this.#draw();
  }

  get #language() {
    const wanted = this.lang || this.closest("[lang]")?.lang || document.documentElement.lang || navigator.language;
    const known = wanted.slice(0, 2).toLowerCase();
    return known in WORDS ? known : "en";
  }

  get #words() {
    return WORDS[this.#language];
  }

  async #ask(method, path) {
    const base = this.getAttribute("base") ?? "/api/v1/user";
    const answer = await fetch(base + path, { method, credentials: "same-origin", cache: "no-store" });
    if (answer.status === 401) return null; // the page's own session has ended
    if (!answer.ok) throw new Error(`it answered ${answer.status}`);
    return answer.json();
  }

  /** Reads the list again, or its next page. */
  async load(after = null) {
    try {
      const page = await this.#ask("GET", `/sessions?limit=${PAGE}${after ? `&after=${after}` : ""}`);
      if (page === null) return this.#signOut();
      this.#sessions = after ? [...this.#sessions, ...page.sessions] : page.sessions;
      this.#next = page.next ?? null;
      this.#state = "shown";
    } catch {
      this.#state = "failed";
    }
    this.#draw();
  }

  async #end(path, endsOwn) {
    this.#asked = null;
    this.#told = this.#words.busy;
    this.#draw();
    try {
      const answer = await this.#ask("DELETE", path);
      if (answer === null) return this.#signOut();
      const revoked = Number(answer.revoked);
      this.#told = this.#words.ended(revoked);
      this.#tell("portcullis-ended", { revoked });
    } catch {
      this.#told = this.#words.failed;
      return this.#draw();
    }
    return endsOwn ? this.#signOut() : this.load();
  }

  #signOut() {
    this.#state = "out";
    this.#sessions = [];
    this.#draw();
    this.#tell("portcullis-signed-out", {});
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }

  /** A button that asks once more before it ends something. */
  #ending(what, label, path, endsOwn, named = label) {
    const words = this.#words;
    if (this.#asked !== what)
      return [make("button", { textContent: label, ariaLabel: named, onclick: () => ((this.#asked = what), this.#draw(".yes")) })];
    return [
      make("span", { textContent: words.sure }),
      make("button", { className: "yes", textContent: words.yes, onclick: () => this.#end(path, endsOwn) }),
      make("button", { textContent: words.no, onclick: () => ((this.#asked = null), this.#draw()) }),
    ];
  }

  #row(session) {
    const words = this.#words;
    const name = session.device.label ?? session.device.user_agent ?? words.unknown;
    const time = new Date(session.created_at).toLocaleString(this.#language);
    const where = [session.current ? words.here : null, session.device.ip, words.since(time)].filter(Boolean);
    return make(
      "li",
      {},
      make("span", { className: "what" }, name, make("small", { textContent: where.join(" · ") })),
      ...this.#ending(session.session_id, words.end, `/sessions/${session.session_id}`, session.current === true, `${words.end}: ${name}`),
    );
  }

  #list() {
    const words = this.#words;
    if (this.#sessions.length === 0) return [make("p", { textContent: words.none })];
    const list = make("ul", {}, ...this.#sessions.map((session) => this.#row(session)));
    const more = make("button", { textContent: words.more, onclick: () => this.load(this.#next) });
    const hasOwn = this.#sessions.some((session) => session.current);
    const buttons = make(
      "div",
      { className: "all" },
      ...(hasOwn ? this.#ending("others", words.others, "/sessions?keep=current", false) : []),
      ...this.#ending("all", words.all, "/sessions", true),
    );
    return this.#next ? [list, more, buttons] : [list, buttons];
  }

  #draw(focus = null) {
    const words = this.#words;
    const told = { busy: words.busy, failed: words.failed, out: words.out }[this.#state] ?? this.#told;
    const again = make("button", { textContent: words.again, onclick: () => this.load() });
    this.shadowRoot.replaceChildren(
      make("h2", { textContent: words.title }),
      make("p", { role: "status", textContent: told }),
      ...(this.#state === "shown" ? this.#list() : this.#state === "failed" ? [again] : []),
    );
    this.setAttribute("aria-busy", String(this.#state === "busy"));
    if (focus) this.shadowRoot.querySelector(focus)?.focus();
  }
}

customElements.define("portcullis-sessions", PortcullisSessions);
