// The compose stack's page: begins a guest's session, and shows the component once there is one.
//
// It keeps the token in a cookie that scripts can read, since nothing but scripts runs here. An application has its log-in set
// it by `Set-Cookie` with HttpOnly, Secure and SameSite=Strict: no other site can then have anything done in the player's name.
const COOKIE = "portcullis";

const part = (id) => document.getElementById(id);

function remember(token) {
  document.cookie = `${COOKIE}=${token}; path=/; SameSite=Strict${token ? "" : "; Max-Age=0"}`;
}

function show() {
  const isIn = document.cookie.split("; ").some((each) => each.startsWith(`${COOKIE}=pcs_`));
  part("guest").hidden = isIn;
  document.querySelector("portcullis-sessions")?.remove(); // of a session that is over
  if (isIn) document.querySelector("main").append(document.createElement("portcullis-sessions"));
}

async function begin() {
  part("trouble").hidden = true;
  try {
    const answer = await fetch("/api/v1/public/sessions/guest", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ device: { label: "this browser", user_agent: navigator.userAgent } }),
    });
    if (answer.status !== 201) throw new Error(`it answered ${answer.status}`);
    remember((await answer.json()).token);
    show();
  } catch {
    part("trouble").hidden = false;
  }
}

part("begin").addEventListener("click", begin);
addEventListener("portcullis-signed-out", () => {
  remember("");
  part("guest").hidden = false;
});
show();
