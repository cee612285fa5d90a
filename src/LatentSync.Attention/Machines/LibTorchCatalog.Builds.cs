namespace LatentSync.Attention.Machines;

public static partial class LibTorchCatalog
{
    private const string Matrix = "cuDNN: pytorch RELEASE.md, compatibility matrix; architectures: build_cuda.sh, from memory";
    private const string Memory = "from memory, not verified";
    private const string Seen25 = "cuDNN: pytorch RELEASE.md; architectures: the warning text of 2.5.1+cu124 in users' reports";
    private const string Pinned = "cuDNN: the wheel's own requirement; architectures from memory";
    private const string Script27 = "architectures: .ci/manywheel/build_cuda.sh of 2.7, in mlverse/torch#1348; cuDNN from memory";
    private const string Seen28 = "architectures as users' installations list them, Whisper-WebUI#653; cuDNN: the wheel's own requirement";
    private const string Release = "pytorch RELEASE.md (pytorch#175253); cuDNN: pytorch#170603, #173677";
    private const string After = "pytorch#172352 (Volta leaves cu128); cuDNN: pytorch#193893";

    /// <summary>Every build, in the order of versions and of CUDA.</summary>
    public static IReadOnlyList<LibTorchBuild> Builds { get; } =
    [
        Of("2.0", "cu117", "3.7 5.0 6.0 7.0 7.5 8.0 8.6", "8.5.0.96", Matrix),
        Of("2.0", "cu118", "3.7 5.0 6.0 7.0 7.5 8.0 8.6 9.0", "8.7.0.84", Matrix),
        Of("2.1", "cu118", "3.7 5.0 6.0 7.0 7.5 8.0 8.6 9.0", "8.7.0.84", Matrix),
        Of("2.1", "cu121", "5.0 6.0 7.0 7.5 8.0 8.6 9.0", "8.9.2.26", Matrix),
        Of("2.2", "cu118", "3.7 5.0 6.0 7.0 7.5 8.0 8.6 9.0", "8.7.0.84", Matrix),
        Of("2.2", "cu121", "5.0 6.0 7.0 7.5 8.0 8.6 9.0", "8.9.2.26", Matrix),
        Of("2.3", "cu118", "3.7 5.0 6.0 7.0 7.5 8.0 8.6 9.0", "8.7.0.84", Matrix),
        Of("2.3", "cu121", "5.0 6.0 7.0 7.5 8.0 8.6 9.0", "8.9.2.26", Matrix),
        Of("2.4", "cu118", "3.7 5.0 6.0 7.0 7.5 8.0 8.6 9.0", "9.1.0.70", Matrix),
        Of("2.4", "cu121", "5.0 6.0 7.0 7.5 8.0 8.6 9.0", "9.1.0.70", Matrix),
        Of("2.4", "cu124", "5.0 6.0 7.0 7.5 8.0 8.6 9.0", "9.1.0.70", Matrix),
        Of("2.5", "cu118", "3.7 5.0 6.0 7.0 7.5 8.0 8.6 9.0", "9.1.0.70", Matrix),
        Of("2.5", "cu121", "5.0 6.0 7.0 7.5 8.0 8.6 9.0", "9.1.0.70", Matrix),
        Of("2.5", "cu124", "5.0 6.0 7.0 7.5 8.0 8.6 9.0", "9.1.0.70", Seen25),
        Of("2.6", "cu118", "3.7 5.0 6.0 7.0 7.5 8.0 8.6 9.0", "9.1.0.70", Memory),
        Of("2.6", "cu124", "5.0 6.0 7.0 7.5 8.0 8.6 9.0", "9.1.0.70", Pinned),
        Of("2.6", "cu126", "5.0 6.0 7.0 7.5 8.0 8.6 9.0", "9.5.1.17", Memory),
        Of("2.7", "cu118", "3.7 5.0 6.0 7.0 7.5 8.0 8.6 9.0", "9.1.0.70", Script27),
        Of("2.7", "cu126", "5.0 6.0 7.0 7.5 8.0 8.6 9.0", "9.5.1.17", Script27),
        Of("2.7", "cu128", "7.5 8.0 8.6 9.0 10.0 12.0+PTX", "9.7.1.26", Script27),
        Of("2.8", "cu126", "5.0 6.0 7.0 7.5 8.0 8.6 9.0", "9.10.2.21", Seen28),
        Of("2.8", "cu128", "7.0 7.5 8.0 8.6 9.0 10.0 12.0", "9.10.2.21", Seen28),
        Of("2.8", "cu129", "7.0 7.5 8.0 8.6 9.0 10.0 12.0+PTX", "9.10.2.21", Memory),
        Of("2.9", "cu126", "5.0 6.0 7.0 7.5 8.0 8.6 9.0", "9.10.2.21", Release),
        Of("2.9", "cu128", "7.0 7.5 8.0 8.6 9.0 10.0 12.0", "9.10.2.21", Release),
        Of("2.9", "cu130", "7.5 8.0 8.6 9.0 10.0 12.0+PTX", "9.13.0.50", Release + "; cuDNN of this line from memory"),
        Of("2.10", "cu126", "5.0 6.0 7.0 7.5 8.0 8.6 9.0", "9.10.2.21", Release),
        Of("2.10", "cu128", "7.0 7.5 8.0 8.6 9.0 10.0 12.0", "9.10.2.21", Release),
        Of("2.10", "cu130", "7.5 8.0 8.6 9.0 10.0 12.0+PTX", "9.15.1.9", Release),
        Of("2.11", "cu126", "5.0 6.0 7.0 7.5 8.0 8.6 9.0", "9.10.2.21", After + "; cuDNN of this line from memory"),
        Of("2.11", "cu128", "7.5 8.0 8.6 9.0 10.0 12.0", "9.19.0.56", After),
        Of("2.11", "cu130", "7.5 8.0 8.6 9.0 10.0 12.0+PTX", "9.19.0.56", After + "; cuDNN of this line from memory"),
    ];

    private static LibTorchBuild Of(string version, string flavor, string architectures, string cuDnn, string source) =>
        new(version, flavor, architectures.Split(' '), cuDnn, source);
}
