// Keeps one whole version of the page for use without a network. `SITE`, its version and files, stands above this line.
//
// A version is fetched whole and each file held against its hash before any of it is used, and lives in a cache of its
// own; nothing of one version is ever answered with a file of another.

const OURS = `fieldmark ${registration.scope} `; // other pages of the same host have caches of their own
const CACHE = OURS + SITE.version;

self.addEventListener("install", (event) => event.waitUntil(keep()));
self.addEventListener("activate", (event) => event.waitUntil(forgetOthers()));
self.addEventListener("message", (event) => event.data === "take over" && skipWaiting());
self.addEventListener("fetch", (event) => {
  const name = nameOf(event.request);
  if (name in SITE.files) event.respondWith(answer(name, event.request));
});

async function keep() {
  const cache = await caches.open(CACHE);
  try {
    await Promise.all(Object.entries(SITE.files).map(([name, integrity]) => keepOne(cache, name, integrity)));
  } catch (error) {
    await caches.delete(CACHE);
    throw error;
  }
}

async function keepOne(cache, name, integrity) {
  // What the page has fetched already need not come again; only the index has a name that outlives its version.
  const manner = name === SITE.index ? { cache: "no-cache" } : { cache: "force-cache", integrity };
  const response = await fetch(new URL(name, registration.scope), manner);
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  const content = await response.blob();
  if (name === SITE.index && !(await content.text()).includes(SITE.version)) throw new Error("The page is of another version.");
  // A new answer, for one that was redirected may not stand for a page.
  const type = response.headers.get("Content-Type") || "application/octet-stream";
  await cache.put(new URL(name, registration.scope), new Response(content, { headers: { "Content-Type": type } }));
}

async function forgetOthers() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(OURS) && name !== CACHE).map((name) => caches.delete(name)));
}

function nameOf({ url, method }) {
  const place = new URL(url);
  place.search = place.hash = "";
  if (method !== "GET" || !place.href.startsWith(registration.scope)) return null;
  return place.href.slice(registration.scope.length) || SITE.index;
}

async function answer(name, request) {
  const cache = await caches.open(CACHE);
  return (await cache.match(new URL(name, registration.scope))) || fetch(request);
}
