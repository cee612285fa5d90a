using System.Globalization;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Wording;
using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Synthesis;
using LatentSync.Media.Synthesis.Voices;

namespace LatentSync.Training.Datasets;

/// <summary>Which talking heads to write, and in which form.</summary>
public sealed record SyntheticDatasetOptions
{
    /// <summary>Seeds below this are for training; evaluation takes its own from here on, so that no network is judged by a face, a voice
    /// or a sentence it has seen.</summary>
    public const long FirstEvaluationSeed = 1_000_000;

    /// <summary>Frames per second of every clip: the rate that the networks work at.</summary>
    public const int FrameRate = 25;

    /// <summary>Samples per second of the speech.</summary>
    public const int SampleRate = 16000;

    /// <summary>Folder of the clips; made when it does not exist.</summary>
    public required string Folder { get; init; }

    /// <summary>Number of clips, 1..1,000,000.</summary>
    public required int Count { get; init; }

    /// <summary>Seed of the first clip, 0 or more; the following clips have the following seeds. Default 1.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>Length of each clip in seconds, 0.2..600. Default 3.</summary>
    public double Seconds { get; init; } = 3;

    /// <summary>Side of the whole picture in pixels, 64..4096, even. Default 512.</summary>
    public int Size { get; init; } = 512;

    /// <summary>Write NAME.mp4, the whole picture. Default true.</summary>
    public bool WriteVideos { get; init; } = true;

    /// <summary>Write faces/NAME.mp4, the aligned face. Default false.</summary>
    public bool WriteFaces { get; init; }

    /// <summary>Side of the aligned face in pixels, 64..2048, a multiple of 8. Default 256.</summary>
    public int Resolution { get; init; } = 256;

    /// <summary>Clips drawn at the same time, 1..64. Default 1.</summary>
    public int Jobs { get; init; } = 1;

    /// <summary>ffmpeg, or the folder that holds it; null: found by itself.</summary>
    public string? FfmpegPath { get; init; }

    /// <summary>Frames of each clip.</summary>
    public int FramesPerClip => Math.Max((int)Math.Floor((Seconds * FrameRate) + 1e-6), 1);

    /// <summary>The clip of a seed.</summary>
    /// <param name="seed">Person, voice and sentence.</param>
    public SyntheticClip Clip(long seed) =>
        SyntheticClip.Generate(
            new SyntheticClipOptions
            {
                Seed = seed,
                DurationSeconds = Seconds,
                Width = Size,
                Height = Size,
                FrameRate = FrameRate,
                SampleRate = SampleRate,
            }
        );

    /// <summary>The name of a seed's files, without extension: the seed in six digits or more, so that runs with other seeds add to a
    /// folder.</summary>
    /// <param name="seed">Person, voice and sentence.</param>
    public static string NameOf(long seed) => string.Create(CultureInfo.InvariantCulture, $"clip-{seed:D6}");

    /// <summary>Checks every option.</summary>
    /// <exception cref="TrainingDataException">One is out of its range.</exception>
    internal void Check()
    {
        if (string.IsNullOrWhiteSpace(Folder))
        {
            throw new TrainingDataException("The name of the clips' folder is empty: give one.", Folder);
        }
        try
        {
            _ = OutputPath.Folder(Folder);
        }
        catch (OutputPathException wrong)
        {
            throw new TrainingDataException(wrong.Text, Folder);
        }
        Require("number of clips", Count, 1, 1_000_000);
        Require("first seed", Seed, 0, long.MaxValue / 4);
        Require("length in seconds", Seconds, 0.2, Utterance.MaxSeconds);
        Require("size", Size, 64, 4096);
        Require("number of jobs", Jobs, 1, 64);
        if (Size % 2 != 0)
        {
            throw new TrainingDataException($"The size is {Size}; an even number is required.", Folder);
        }
        if (WriteFaces && (Resolution is < FaceTemplate.MinResolution or > FaceTemplate.MaxResolution || Resolution % 8 != 0))
        {
            throw new TrainingDataException(
                $"The resolution of the faces is {Resolution}; a multiple of 8 from {FaceTemplate.MinResolution} to {FaceTemplate.MaxResolution} is required.",
                Folder
            );
        }
        if (!WriteVideos && !WriteFaces)
        {
            throw new TrainingDataException("Neither whole pictures nor faces are requested: choose at least one.", Folder);
        }
    }

    private void Require(Sentence what, double value, double least, double most)
    {
        if (!(value >= least && value <= most))
        {
            throw new TrainingDataException($"The {what} is {value}; it must be {least} to {most}.", Folder);
        }
    }
}
