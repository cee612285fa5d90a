using LatentSync.Checkpoints;
using LatentSync.Models.Loading;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.Loading;

public sealed class StateDictLoaderTests
{
    [Fact]
    public void Load_MatchingFile_FillsEveryParameter()
    {
        using Pair network = new();
        using InMemoryArchive file = new InMemoryArchive().Add("weight", 1, 2, 3).Add("bias", 10, 2);
        StateDictReport report = StateDictLoader.Load(network, file);
        Assert.Equal(["weight", "bias"], report.Matched);
        Assert.Empty(report.Missing.Concat(report.Unexpected));
        Assert.Equal([1, 2, 3, 4, 5, 6], network.Weight.data<float>().ToArray());
        Assert.Equal([10, 11], network.Bias.data<float>().ToArray());
    }

    [Fact]
    public void Load_Prefix_SelectsTheKeysBehindIt()
    {
        using Pair network = new();
        using InMemoryArchive file = new InMemoryArchive()
            .Add("a.weight", 1, 2, 3)
            .Add("a.bias", 7, 2)
            .Add("b.weight", 90, 2, 3)
            .Add("a.rest", 0, 1);
        (_, IReadOnlyList<string> unexpected) = StateDictLoader.Load(network, file, "a.");
        Assert.Equal(["rest"], unexpected);
        Assert.Equal([1, 2, 3, 4, 5, 6], network.Weight.data<float>().ToArray());
    }

    [Fact]
    public void Load_MissingAndDifferentKeys_ReportsAllAndCopiesNothing()
    {
        using Pair network = new();
        using InMemoryArchive file = new InMemoryArchive().Add("weight", 1, 3, 2).Add("other", 0, 4);
        CheckpointMismatchException exception = Assert.Throws<CheckpointMismatchException>(() => StateDictLoader.Load(network, file));
        Assert.Equal(["bias"], exception.Report.Missing);
        Assert.Equal(["other"], exception.Report.Unexpected);
        Assert.Equal([3, 2], Assert.Single(exception.Report.Differences).FileShape);
        Assert.Empty(file.Copied);
        Assert.Equal(
            "memory.safetensors does not fit Pair: 1 of its 2 tensors have a different shape or type (weight: file (3, 2), network (2, 3)); "
                + "1 of its 2 tensors are missing (bias); 1 tensors of the file do not belong to it (other). "
                + "Give the checkpoint and the configuration that belong together.",
            exception.Message
        );
    }

    [Fact]
    public void Load_FileOfAnotherNetwork_SaysSo()
    {
        using Pair network = new();
        using InMemoryArchive file = new();
        for (int i = 0; i < 5; i++)
        {
            file.Add($"layer{i}", 0, 1);
        }
        CheckpointMismatchException exception = Assert.Throws<CheckpointMismatchException>(() => StateDictLoader.Load(network, file));
        Assert.Contains("5 tensors of the file do not belong to it (layer0; layer1; layer2; and 2 more)", exception.Message);
        Assert.EndsWith("The file holds another kind of network; give the right checkpoint.", exception.Message);
    }

    [Fact]
    public void Load_IntegersForAFloatParameter_AreADifference()
    {
        using Pair network = new();
        using InMemoryArchive file = new InMemoryArchive().Add("weight", TensorElementType.Int64, 1, 2, 3).Add("bias", 0, 2);
        CheckpointMismatchException exception = Assert.Throws<CheckpointMismatchException>(() => StateDictLoader.Load(network, file));
        Assert.Contains("weight: file (2, 3) Int64, network (2, 3)", exception.Message);
    }

    [Theory]
    [InlineData(StateDictStrictness.Exact, false)]
    [InlineData(StateDictStrictness.Complete, false)]
    [InlineData(StateDictStrictness.Partial, true)]
    public void Load_MissingKey_IsAcceptedOnlyInPart(StateDictStrictness strictness, bool accepted)
    {
        using Pair network = new();
        using InMemoryArchive file = new InMemoryArchive().Add("bias", 5, 2);
        StateDictOptions options = new() { Strictness = strictness };
        if (accepted)
        {
            Assert.Equal(["weight"], StateDictLoader.Load(network, file, options).Missing);
            Assert.Equal([5, 6], network.Bias.data<float>().ToArray());
            Assert.Equal(0, network.Weight.sum().item<float>());
        }
        else
        {
            Assert.Throws<CheckpointMismatchException>(() => StateDictLoader.Load(network, file, options));
        }
    }

    [Theory]
    [InlineData(StateDictStrictness.Exact, false)]
    [InlineData(StateDictStrictness.Complete, true)]
    public void Load_FurtherKey_IsRefusedOnlyExactly(StateDictStrictness strictness, bool accepted)
    {
        using Pair network = new();
        using InMemoryArchive file = new InMemoryArchive().Add("weight", 1, 2, 3).Add("bias", 5, 2).Add("more", 0, 1);
        StateDictOptions options = new() { Strictness = strictness };
        Exception? exception = Record.Exception(() => StateDictLoader.Load(network, file, options));
        Assert.Equal(accepted, exception is null);
    }

    [Fact]
    public void Load_RenamedKeys_TakeTheCurrentNameFirst()
    {
        using Pair network = new();
        using InMemoryArchive file = new InMemoryArchive()
            .Add("kernel", 90, 2, 3)
            .Add("weight", 1, 2, 3)
            .Add("offset", 5, 2)
            .Add("junk", 0, 1);
        StateDictOptions options = new()
        {
            Strictness = StateDictStrictness.Complete,
            Rename = key =>
                key switch
                {
                    "kernel" => "weight",
                    "offset" => "bias",
                    "junk" => null,
                    _ => key,
                },
        };
        StateDictReport report = StateDictLoader.Load(network, file, options);
        Assert.Equal(["kernel"], report.Unexpected);
        Assert.Equal(1, network.Weight[0, 0].item<float>());
        Assert.Equal(5, network.Bias[0].item<float>());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Load_TrailingUnitAxes_AreIgnoredOnRequest(bool ignore)
    {
        using Pair network = new();
        using InMemoryArchive file = new InMemoryArchive().Add("weight", 1, 2, 3, 1, 1).Add("bias", 5, 2);
        StateDictOptions options = new() { IgnoreTrailingUnitAxes = ignore };
        Assert.Equal(ignore, Record.Exception(() => StateDictLoader.Load(network, file, options)) is null);
    }

    [Fact]
    public void Load_OtherDtype_IsConvertedOnTheWay()
    {
        using Pair network = new(ScalarType.BFloat16);
        using InMemoryArchive file = new InMemoryArchive().Add("weight", 1, 2, 3).Add("bias", 10, 2);
        StateDictLoader.Load(network, file);
        Assert.Equal(ScalarType.BFloat16, network.Weight.dtype);
        Assert.Equal([1, 2, 3, 4, 5, 6], network.Weight.to(ScalarType.Float32).data<float>().ToArray());
    }

    [Fact]
    public void Load_ParameterThatIsNotContiguous_GoesThroughTheStagingBuffer()
    {
        using Pair network = new(transposed: true);
        Assert.False(network.Weight.is_contiguous());
        using InMemoryArchive file = new InMemoryArchive().Add("weight", 1, 2, 3).Add("bias", 10, 2);
        StateDictLoader.Load(network, file);
        using Tensor weight = network.Weight.detach().contiguous();
        Assert.Equal([1, 2, 3, 4, 5, 6], weight.data<float>().ToArray());
    }

    [Fact]
    public void Load_Progress_RisesToTheTotal()
    {
        using Pair network = new();
        using InMemoryArchive file = new InMemoryArchive().Add("weight", 1, 2, 3).Add("bias", 10, 2);
        Recorder recorder = new();
        StateDictLoader.Load(network, file, new StateDictOptions { MaxDegreeOfParallelism = 4 }, recorder);
        Assert.Equal(2, recorder.Reports.Count);
        Assert.Equal(recorder.Reports.Order(), recorder.Reports);
        Assert.Equal(4 * 8, recorder.Reports[^1]);
    }

    [Fact]
    public void Load_Cancelled_Throws()
    {
        using Pair network = new();
        using InMemoryArchive file = new InMemoryArchive().Add("weight", 1, 2, 3).Add("bias", 10, 2);
        Assert.ThrowsAny<OperationCanceledException>(() =>
            StateDictLoader.Load(network, file, new StateDictOptions(), cancellationToken: new CancellationToken(canceled: true))
        );
    }

    [Fact]
    public void Payloads_WrittenAndLoaded_GiveTheSameNumbers()
    {
        string path = Path.Combine(Path.GetTempPath(), $"latentsync-{Guid.NewGuid():N}.safetensors");
        try
        {
            using Pair network = new(transposed: true);
            using (no_grad())
            {
                network.Weight.normal_(0, 1, new Generator(5));
            }
            SafetensorsWriter.Write(path, StateDictWriter.Payloads(network));
            using Pair loaded = new();
            using TensorArchive file = TensorArchive.Open(path);
            StateDictLoader.Load(loaded, file, new StateDictOptions { Strictness = StateDictStrictness.Exact });
            Assert.True(loaded.Weight.equal(network.Weight).all().item<bool>());
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Load_LargeTensorToAnotherDtype_MakesNoCopyOfIt()
    {
        const long Elements = 4 << 20; // 16 MB in the file
        string path = Path.Combine(Path.GetTempPath(), $"latentsync-{Guid.NewGuid():N}.safetensors");
        try
        {
            using (Big written = new(Elements, ScalarType.Float32))
            {
                SafetensorsWriter.Write(path, StateDictWriter.Payloads(written));
            }
            using Big loaded = new(Elements, ScalarType.BFloat16);
            using TensorArchive file = TensorArchive.Open(path);
            long before = GC.GetAllocatedBytesForCurrentThread();
            StateDictLoader.Load(loaded, file, new StateDictOptions { MaxDegreeOfParallelism = 1 });
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2 << 20);
            Assert.Equal(1, loaded.Weight[Elements - 1].to(ScalarType.Float32).item<float>());
        }
        finally
        {
            File.Delete(path);
        }
    }

    private sealed class Big : nn.Module
    {
        public Big(long elements, ScalarType dtype)
            : base(nameof(Big))
        {
            Weight = new Parameter(ones(elements, dtype: dtype));
            register_parameter("weight", Weight);
        }

        public Parameter Weight { get; }
    }

    private sealed class Recorder : IProgress<LoadProgress>
    {
        public List<long> Reports { get; } = [];

        public void Report(LoadProgress value)
        {
            Assert.Equal(32, value.TotalBytes);
            Reports.Add(value.LoadedBytes);
        }
    }

    /// <summary>A network of a (2, 3) weight and a (2) bias, zero at first.</summary>
    private sealed class Pair : nn.Module
    {
        public Pair(ScalarType dtype = ScalarType.Float32, bool transposed = false)
            : base(nameof(Pair))
        {
            Weight = new Parameter(transposed ? zeros(3, 2, dtype: dtype).t() : zeros(2, 3, dtype: dtype));
            Bias = new Parameter(zeros(2, dtype: dtype));
            register_parameter("weight", Weight);
            register_parameter("bias", Bias);
        }

        public Parameter Weight { get; }

        public Parameter Bias { get; }
    }
}
