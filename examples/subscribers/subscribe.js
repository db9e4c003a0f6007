// In a browser, behind a gateway that lets this page read the feed. EventSource reconnects by itself and sends the last
// id as Last-Event-ID; what it cannot do is send a token, so the gateway has to know the page by its cookie.
export function follow(url, { onSession, onAccount, onReset }) {
  const source = new EventSource(url, { withCredentials: true });
  source.addEventListener("session.revoked", (event) => onSession(JSON.parse(event.data).session_id));
  source.addEventListener("account.revoked", (event) => {
    const { account_id, generation } = JSON.parse(event.data);
    onAccount(account_id, generation);
  });
  source.addEventListener("reset", () => onReset()); // drop everything
  return () => source.close();
}
