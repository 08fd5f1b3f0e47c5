// The files of this page -> kept by the browser, so that it works without a network; and word of a newer version.

export async function keepOffline() {
  if (!navigator.serviceWorker) return; // pages from an unsafe origin have none
  const newer = document.getElementById("newer");
  const kept = await navigator.serviceWorker.register("sw.js").catch(() => null); // private windows may refuse
  if (!kept) return;
  navigator.serviceWorker.ready.then(() => (document.getElementById("offline").hidden = false));
  const offer = () => {
    if (kept.waiting && navigator.serviceWorker.controller) newer.hidden = false;
  };
  const watch = () => kept.installing?.addEventListener("statechange", offer);
  offer(); // the browser may have found it while the model was opened
  watch();
  kept.addEventListener("updatefound", watch);
  newer.querySelector("button").addEventListener("click", () => {
    navigator.serviceWorker.addEventListener("controllerchange", () => location.reload());
    kept.waiting?.postMessage("take over");
  });
}
