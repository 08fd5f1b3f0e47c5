// What a camera of this device sees -> a photo.

const QUALITY = 0.95; // of the JPEG; what the lens and the sensor do to a photo is worse
const SENTENCES = {
  NotAllowedError: "The camera was not allowed. Allow it for this page in the browser's settings, or choose a photo.",
  NotFoundError: "This device has no camera that the browser can use. Choose a photo.",
  NotReadableError: "The camera is in use by another program. Close that, or choose a photo.",
};

const view = document.getElementById("camera-view");
const video = view.querySelector("video");
const other = document.getElementById("other-camera");

let stream = null;
let facing = "environment"; // the one at the back, which looks at snakes

// `take` gets the photo, `refuse` a sentence when there is none to be had.
export function offerCamera(take, refuse) {
  if (!navigator.mediaDevices?.getUserMedia) {
    // Browsers give the camera to pages from a safe origin only; a phone's own camera program needs no leave.
    document.getElementById("phone-camera").hidden = !matchMedia("(pointer: coarse)").matches;
    return;
  }
  const button = document.getElementById("open-camera");
  button.hidden = false;
  button.addEventListener("click", () => open(refuse));
  document.getElementById("close-camera").addEventListener("click", () => view.close());
  document.getElementById("shutter").addEventListener("click", async () => {
    const photo = await frame();
    view.close();
    if (photo) take(photo);
  });
  other.addEventListener("click", () => {
    facing = facing === "environment" ? "user" : "environment";
    look(refuse);
  });
  view.addEventListener("close", stop);
}

async function open(refuse) {
  if (await look(refuse)) view.showModal();
}

async function look(refuse) {
  stop();
  try {
    const wanted = { facingMode: { ideal: facing }, width: { ideal: 1920 }, height: { ideal: 1080 } };
    stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
  } catch (error) {
    if (view.open) view.close();
    refuse(SENTENCES[error.name] || `The camera does not open (${error.name}). Choose a photo.`);
    return false;
  }
  video.srcObject = stream;
  const cameras = (await navigator.mediaDevices.enumerateDevices()).filter((device) => device.kind === "videoinput");
  other.hidden = cameras.length < 2;
  return true;
}

async function frame() {
  if (!video.videoWidth) return null; // it has shown nothing yet
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
  return blob && new File([blob], "From the camera", { type: blob.type });
}

function stop() {
  for (const track of stream?.getTracks() || []) track.stop();
  stream = null;
  video.srcObject = null;
}
