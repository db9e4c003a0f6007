// Follows Portcullis' revocations: node subscribe.mjs http://127.0.0.1:8080 [CURSOR]      (Node 18 or later)

const SILENCE_MS = 45_000; // the service sends a comment at least every 15 s

// Yields {event, data} for ever. A `reset` means: forget everything that was learned so far.
export async function* follow(url, cursor) {
  for (;;) {
    const stop = new AbortController();
    let watchdog = setTimeout(() => stop.abort(), SILENCE_MS);
    try {
      const headers = { Accept: "text/event-stream", ...(cursor && { "Last-Event-ID": cursor }) };
      const response = await fetch(`${url}/api/v1/internal/revocations`, { headers, signal: stop.signal });
      if (!response.ok) throw new Error(`status ${response.status}`);
      let buffer = "", event = "message", id = cursor, data = [];
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
        clearTimeout(watchdog);
        watchdog = setTimeout(() => stop.abort(), SILENCE_MS);
        buffer += chunk;
        const lines = buffer.split("\n");
        buffer = lines.pop();
        for (const line of lines) {
          const [, name, value] = /^([^:]*):? ?(.*?)\r?$/.exec(line);
          if (name === "event") event = value;
          else if (name === "id") id = value;
          else if (name === "data") data.push(value);
          else if (line.trim() === "") {
            if (data.length > 0) yield { event, data: JSON.parse(data.join("\n")) };
            cursor = id; // only now: what was handed over need not come again
            event = "message";
            data = [];
          }
        }
      }
    } catch {
      // away: come back with the cursor
    } finally {
      clearTimeout(watchdog);
    }
    await new Promise((wake) => setTimeout(wake, 1000));
  }
}

for await (const { event, data } of follow(...process.argv.slice(2))) {
  if (event === "session.revoked") console.log("session", data.session_id); // drop that session
  else if (event === "account.revoked") console.log("account", data.account_id, data.generation); // drop all of its
  else if (event === "reset") console.log("reset"); // drop everything
}
