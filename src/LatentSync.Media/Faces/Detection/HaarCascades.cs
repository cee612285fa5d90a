using LatentSync.Foundation.Files;
using LatentSync.Foundation.Wording;
using OpenCvSharp;

namespace LatentSync.Media.Faces.Detection;

/// <summary>Finds OpenCV's Haar cascade files.</summary>
public static class HaarCascades
{
    /// <summary>Cascade of upright faces seen from the front.</summary>
    public const string FaceFile = "haarcascade_frontalface_default.xml";

    /// <summary>Cascade of open eyes.</summary>
    public const string EyeFile = "haarcascade_eye.xml";

    private const int MaxBytes = 64 << 20;

    /// <summary>Where packages put the cascades: Debian and Ubuntu, Fedora and Arch, older releases, Homebrew, MacPorts, Windows
    /// builds.</summary>
    public static IReadOnlyList<string> UsualFolders { get; } =
    [
        "/usr/share/opencv4/haarcascades",
        "/usr/share/opencv/haarcascades",
        "/usr/share/OpenCV/haarcascades",
        "/usr/local/share/opencv4/haarcascades",
        "/opt/homebrew/share/opencv4/haarcascades",
        "/opt/local/share/opencv4/haarcascades",
        @"C:\opencv\build\etc\haarcascades",
        @"C:\tools\opencv\build\etc\haarcascades",
    ];

    /// <summary>The folder to use.</summary>
    /// <param name="folder">What the user gave; null: the first usual one that holds the cascades.</param>
    /// <returns>Null when there is none.</returns>
    public static string? Find(string? folder) => folder is not null ? (Holds(folder) ? folder : null) : UsualFolders.FirstOrDefault(Holds);

    /// <summary>Why there is none, and what to do.</summary>
    /// <param name="folder">What the user gave; null for the usual folders.</param>
    public static Sentence Absence(string? folder) =>
        folder is not null
            ? (Sentence)$"{folder} does not hold {FaceFile} and {EyeFile}; name the folder with OpenCV's Haar cascades"
            : $"{FaceFile} and {EyeFile} are in none of the usual folders; install OpenCV's data (Debian, Ubuntu: apt-get install opencv-data) or name their folder with ⟦CascadesFolder⟧";

    /// <summary>Opens a cascade.</summary>
    /// <exception cref="FaceException">The file is missing or no cascade.</exception>
    internal static CascadeClassifier Open(string folder, string file)
    {
        string path = Path.Combine(folder, file);
        try
        {
            _ = InputFile.Require(path, MaxBytes);
            var cascade = new CascadeClassifier(path);
            if (!cascade.Empty())
            {
                return cascade;
            }
            cascade.Dispose();
        }
        catch (InputFileException e)
        {
            throw e.Fault == InputFileFault.Missing
                ? new FaceException(
                    FaceFault.DetectorUnavailable,
                    $"The Haar detector cannot run: {Absence(folder)}.",
                    path,
                    innerException: e
                )
                : new FaceException(FaceFault.Cascade, $"The cascade {path} {e.Problem}.", path, innerException: e);
        }
        catch (OpenCVException e)
        {
            throw new FaceException(FaceFault.Cascade, $"{path} is not an OpenCV cascade: {e.Message}", path, innerException: e);
        }
        throw new FaceException(FaceFault.Cascade, $"{path} is not an OpenCV cascade; take {file} from the package opencv-data.", path);
    }

    private static bool Holds(string folder) => File.Exists(Path.Combine(folder, FaceFile)) && File.Exists(Path.Combine(folder, EyeFile));
}
