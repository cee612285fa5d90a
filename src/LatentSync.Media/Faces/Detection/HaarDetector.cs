using LatentSync.Foundation.Wording;
using LatentSync.Media.Video.Reading;
using OpenCvSharp;

namespace LatentSync.Media.Faces.Detection;

/// <summary>OpenCV's Haar cascades: nothing to download, good enough on frontal faces. Follows the faces from frame to frame.</summary>
/// <remarks>The cascade's boxes come in steps of 10 % of their size and tremble, so each face is followed by optical flow
/// (<see cref="HaarTrack"/>): flow gives the motion, cascade and eyes correct its drift slowly. On a real clip of 250 frames the cascade
/// also finds two to four things per frame that are no faces (curtains, clothes), often in the same place for seconds; but they rest on 5
/// to 18 neighbouring windows, the face on 42 to 88, and never have eyes. Both are used. The whole frame is searched at first and on every
/// fifth frame, otherwise only the surroundings of the known faces.</remarks>
public sealed class HaarDetector : IFaceDetector
{
    // Short side of the searched picture in pixels.
    private const int SearchSide = 480;

    private const int FullSearchInterval = 5;
    private const double ScaleStep = 1.1;
    private const int MinNeighbours = 5;
    private const double GroupTolerance = 0.2; // OpenCV's own value in detectMultiScale
    private const int SmallestFace = 36; // pixels of the searched picture: 1/13 of its short side
    private const int MaxTracks = 32;

    private readonly string _folder;
    private readonly CascadeClassifier _faces;
    private readonly CascadeClassifier _eyes;
    private readonly ShapePoints? _points;
    private readonly List<HaarTrack> _tracks = [];
    private Mat? _previous;
    private int _frames;

    /// <summary>Opens the cascades.</summary>
    /// <param name="cascadesFolder">Folder that holds them; null: the system's.</param>
    /// <exception cref="FaceException">There are none (the message names the package), or a file is no cascade.</exception>
    public HaarDetector(string? cascadesFolder = null)
        : this(cascadesFolder, null) { }

    /// <summary>Opens the cascades, to measure points in their boxes.</summary>
    /// <param name="cascadesFolder">Folder that holds them; null: the system's.</param>
    /// <param name="points">Measures them; null: points from the eyes or the box.</param>
    internal HaarDetector(string? cascadesFolder, ShapePoints? points)
    {
        _points = points;
        _folder =
            HaarCascades.Find(cascadesFolder)
            ?? throw new FaceException(
                FaceFault.DetectorUnavailable,
                $"The Haar detector cannot run: {HaarCascades.Absence(cascadesFolder)}.",
                cascadesFolder
            );
        _faces = HaarCascades.Open(_folder, HaarCascades.FaceFile);
        try
        {
            _eyes = HaarCascades.Open(_folder, HaarCascades.EyeFile);
        }
        catch
        {
            _faces.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public string Name => _points is null ? "haar" : "dlib";

    /// <inheritdoc/>
    public string Describe() =>
        Sentence.Say(
            _points is { } points
                ? (Sentence)
                    $"68 points by dlib's regression trees ({points.Path}) in the boxes of OpenCV's Haar cascades ({_folder}), CPU; frontal faces; followed by optical flow"
                : $"Haar cascades ({_folder}) on OpenCV {Cv2.GetVersionString()}, CPU; frontal faces; points from dark brows and nostrils, else from the eyes or the box, followed by optical flow"
        );

    /// <inheritdoc/>
    public IReadOnlyList<DetectedFace> Detect(VideoFrame frame)
    {
        ArgumentNullException.ThrowIfNull(frame);
        var grey = new Mat();
        using (var picture = new FrameMat(frame))
        {
            Cv2.CvtColor(picture.Mat, grey, ColorConversionCodes.RGB2GRAY);
        }
        if (_previous is not null && _previous.Size() != grey.Size())
        {
            Forget();
        }
        Follow(grey);
        Search(grey);
        _previous?.Dispose();
        _previous = grey;
        return [.. _tracks.Select(track => track.Report()).OfType<DetectedFace>()];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _faces.Dispose();
        _eyes.Dispose();
        Forget();
    }

    private void Forget()
    {
        _previous?.Dispose();
        _previous = null;
        _tracks.Clear();
        _frames = 0;
    }

    private void Follow(Mat grey)
    {
        foreach (HaarTrack track in _tracks.Where(track => track.IsTrusted))
        {
            track.Predict(_previous!, grey);
        }
    }

    private void Search(Mat grey)
    {
        double scale = Math.Min(1.0, (double)SearchSide / Math.Min(grey.Width, grey.Height));
        bool everywhere = _frames++ % FullSearchInterval == 0;
        if (!everywhere)
        {
            SearchAroundTracks(grey, scale);
        }
        // after a cut no face is left where the last ones were
        if (everywhere || !_tracks.Exists(track => track.IsTrusted))
        {
            SearchEverywhere(grey, scale);
        }
    }

    private void SearchAroundTracks(Mat grey, double scale)
    {
        var whole = new Rect(0, 0, grey.Width, grey.Height);
        foreach (HaarTrack track in _tracks.Where(track => track.IsTrusted))
        {
            Match(track, grey, Find(grey, track.Surroundings & whole, scale, 0.6 * track.Box.Width * scale));
        }
        _tracks.RemoveAll(track => track.IsLost);
    }

    private void SearchEverywhere(Mat grey, double scale)
    {
        List<HaarSighting> sightings = Find(grey, new Rect(0, 0, grey.Width, grey.Height), scale, 0);
        foreach (HaarTrack track in _tracks.OrderByDescending(t => t.IsTrusted).ThenByDescending(t => t.Box.Area))
        {
            Match(track, grey, sightings);
        }
        _tracks.RemoveAll(track => track.IsLost);
        foreach (HaarSighting sighting in sightings)
        {
            if (_tracks.Count < MaxTracks && !_tracks.Exists(track => track.Box.Overlap(sighting.Box) > 0.1))
            {
                _tracks.Add(new HaarTrack(Look(sighting, grey)));
            }
        }
    }

    /// <summary>Gives a track its sighting, the best supported one, and takes it from the list.</summary>
    private void Match(HaarTrack track, Mat grey, List<HaarSighting> sightings)
    {
        int found = sightings.FindIndex(sighting => track.Accepts(sighting.Box));
        if (found < 0)
        {
            track.Miss();
            return;
        }
        track.Correct(Look(sightings[found], grey));
        sightings.RemoveAt(found);
    }

    /// <summary>Searches a sighting for eyes, and measures its points where there is a model.</summary>
    private HaarSighting Look(HaarSighting sighting, Mat grey)
    {
        HaarSighting seen = sighting with { Eyes = HaarEyes.Find(_eyes, grey, sighting.Box) };
        HaarEyes eyes = HaarTrack.EyesOf(seen);
        ShapeReading? reading = _points?.Measure(grey, ShapePoints.BoxFromEyes(eyes.Left, eyes.Right));
        return seen with { Reading = reading, Features = reading is null ? HaarFeatures.Find(grey, eyes) : null };
    }

    /// <summary>What the face cascade finds in a region, the best supported first.</summary>
    private List<HaarSighting> Find(Mat grey, Rect region, double scale, double smallest)
    {
        int least = Math.Max(SmallestFace, (int)smallest);
        if (region.Width * scale < least || region.Height * scale < least)
        {
            return [];
        }
        using var part = new Mat(grey, region);
        using var small = new Mat();
        Cv2.Resize(part, small, new Size(region.Width * scale, region.Height * scale), 0, 0, InterpolationFlags.Area);
        // With 0 neighbours the cascade gives every window; grouped here, as it would itself, to learn how many support a face.
        List<Rect> windows = [.. _faces.DetectMultiScale(small, ScaleStep, 0, HaarDetectionTypes.ScaleImage, new Size(least, least))];
        Cv2.GroupRectangles(windows, out int[] support, MinNeighbours - 1, GroupTolerance);
        double x = (double)region.Width / small.Width,
            y = (double)region.Height / small.Height;
        return
        [
            .. windows
                .Select(
                    (r, i) =>
                        new HaarSighting(
                            new FaceBox(
                                region.Left + (r.Left * x),
                                region.Top + (r.Top * y),
                                region.Left + (r.Right * x),
                                region.Top + (r.Bottom * y)
                            ),
                            support[i],
                            null
                        )
                )
                .OrderByDescending(sighting => sighting.Support),
        ];
    }
}
