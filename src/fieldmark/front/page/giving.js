// A photo chosen, dropped, pasted or named by its address -> whoever looks at photos.

const ADDRESS = /^https?:\/\//i;

// `photos` takes a list of files; `address` takes a text, and is missing where no address can be asked about.
export function listen(photos, address) {
  for (const id of ["file", "camera"]) listenToInput(document.getElementById(id), photos);
  if (address) {
    document.getElementById("by-url").addEventListener("submit", (event) => {
      event.preventDefault();
      address(document.getElementById("url").value.trim());
    });
  }
  listenToDrag((transfer) => take(transfer, address && "text/uri-list", photos, address));
  document.addEventListener("paste", (event) => {
    const typing = event.target instanceof HTMLInputElement;
    if (take(event.clipboardData, !typing && address && "text/plain", photos, address)) event.preventDefault();
  });
}

function listenToInput(input, photos) {
  const chosen = () => {
    const files = [...input.files];
    input.value = ""; // so that choosing the same photo again is a change too
    if (files.length) photos(files);
  };
  input.addEventListener("change", chosen);
  chosen(); // on a slow line a hand may be faster than this script
}

function listenToDrag(drop) {
  let depth = 0; // dragenter and dragleave also come from every element inside
  const end = () => {
    depth = 0;
    document.body.classList.remove("dropping");
  };
  document.addEventListener("dragenter", (event) => {
    event.preventDefault();
    depth += 1;
    document.body.classList.add("dropping");
  });
  document.addEventListener("dragleave", () => {
    depth -= 1;
    if (depth <= 0) end();
  });
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault(); // or the browser would leave the page for the photo
    end();
    drop(event.dataTransfer);
  });
}

function take(transfer, kind, photos, address) {
  if (transfer.files.length) {
    photos([...transfer.files]);
    return true;
  }
  const text = kind ? transfer.getData(kind).trim().split(/\s/)[0] : "";
  if (!ADDRESS.test(text)) return false;
  document.getElementById("url").value = text;
  address(text);
  return true;
}
