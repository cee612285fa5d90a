using LatentSync.Testing;
using LatentSync.Training.Datasets;

namespace LatentSync.Training.Tests.Datasets;

public sealed class VideoListTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void OfFolder_OtherFilesAndSubfolders_AreLeftOut()
    {
        Directory.CreateDirectory(_folder.File("sub"));
        Touch("b.mp4", "a.mp4", "c.MP4", "d.wav", ".a.123.partial.mp4", Path.Combine("sub", "e.mp4"));

        Assert.Equal([_folder.File("a.mp4"), _folder.File("b.mp4"), _folder.File("c.MP4")], VideoList.OfFolder(_folder.Path));
    }

    [Fact]
    public void OfFolder_Empty_SaysWhereItLooked()
    {
        TrainingDataException e = Assert.Throws<TrainingDataException>(() => VideoList.OfFolder(_folder.Path));

        Assert.Contains(_folder.Path, e.Message, StringComparison.Ordinal);
        Assert.Contains("no *.mp4", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OfFolder_Missing_SaysSo() =>
        Assert.Contains(
            "does not exist",
            Assert.Throws<TrainingDataException>(() => VideoList.OfFolder(_folder.File("none"))).Message,
            StringComparison.Ordinal
        );

    [Fact]
    public void OfFile_PathsInItsOrder_BlankLinesAndSpacesDoNotCount()
    {
        Touch("b.mp4", "a.mp4");
        File.WriteAllText(_folder.File("list.txt"), $"{_folder.File("b.mp4")}\r\n\n  a.mp4 \n{_folder.File("gone.mp4")}\n");

        Assert.Equal([_folder.File("b.mp4"), _folder.File("a.mp4"), _folder.File("gone.mp4")], VideoList.OfFile(_folder.File("list.txt")));
    }

    [Fact]
    public void OfFile_NothingInIt_IsRefused()
    {
        File.WriteAllText(_folder.File("list.txt"), "\n \n");

        Assert.Contains(
            "names no video",
            Assert.Throws<TrainingDataException>(() => VideoList.OfFile(_folder.File("list.txt"))).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void OfFile_Missing_SaysWhereItLooked() =>
        Assert.Contains(
            _folder.File("none.txt"),
            Assert.Throws<TrainingDataException>(() => VideoList.OfFile(_folder.File("none.txt"))).Message,
            StringComparison.Ordinal
        );

    [Fact]
    public void OfFile_ABinaryFile_IsRefused()
    {
        File.WriteAllBytes(_folder.File("list.txt"), [1, 0, 2, 10]);

        Assert.Contains(
            "Line 1",
            Assert.Throws<TrainingDataException>(() => VideoList.OfFile(_folder.File("list.txt"))).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Of_BothGiven_TakesTheFile()
    {
        Touch("a.mp4", "b.mp4");
        File.WriteAllText(_folder.File("list.txt"), "b.mp4");

        Assert.Equal([_folder.File("b.mp4")], VideoList.Of(_folder.File("list.txt"), _folder.Path));
        Assert.Equal(2, VideoList.Of("", _folder.Path).Count);
        Assert.Throws<TrainingDataException>(() => VideoList.Of(null, " "));
    }

    private void Touch(params string[] names) => Array.ForEach(names, name => File.WriteAllText(_folder.File(name), "x"));
}
