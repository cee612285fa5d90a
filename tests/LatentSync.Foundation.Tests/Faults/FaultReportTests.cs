using System.Runtime.InteropServices;
using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;

namespace LatentSync.Foundation.Tests.Faults;

public sealed class FaultReportTests
{
    public static TheoryData<Exception, FaultKind, bool> Exceptions { get; } =
        new()
        {
            { new OperationCanceledException(), FaultKind.Cancelled, false },
            { new TaskCanceledException(), FaultKind.Cancelled, false },
            { new FileNotFoundException("none"), FaultKind.Input, false },
            { new IOException("disk"), FaultKind.Failed, false },
            { new UnauthorizedAccessException("no"), FaultKind.Failed, false },
            { new OutOfMemoryException(), FaultKind.Machine, false },
            { new InsufficientMemoryException("too little"), FaultKind.Machine, false },
            { new ExternalException("CUDA out of memory. Tried ..."), FaultKind.Machine, false },
            { new ExternalException("CUDA error"), FaultKind.Failed, true },
            { new InvalidOperationException("a defect"), FaultKind.Failed, true },
            { new Told(), FaultKind.Machine, false },
            { new AggregateException(new Told()), FaultKind.Machine, false },
            { new AggregateException(new Told(), new Told()), FaultKind.Failed, true },
        };

    [Theory]
    [MemberData(nameof(Exceptions), DisableDiscoveryEnumeration = true)]
    public void Of_AnyException_HasAKind(Exception exception, FaultKind kind, bool isUnexpected)
    {
        FaultReport report = FaultReport.Of(exception);

        Assert.Equal((kind, isUnexpected), (report.Kind, report.IsUnexpected));
        Assert.NotEmpty(report.Message);
        Assert.DoesNotContain('⟦', report.Message + report.Remedy);
    }

    [Fact]
    public void Of_Fault_GivesItsFactsAsData()
    {
        using IDisposable english = Audience.Use(new Audience(Language.English, Vocabulary.OfPrograms));
        FaultReport report = FaultReport.Of(new Told());

        Assert.Equal(
            ("T0001", "Seed", "T0001 Seed is odd.", "leave Seed out"),
            (report.Code, report.Parameter, report.Message, report.Remedy)
        );
    }

    private sealed class Told : Exception, IFault
    {
        public FaultKind Kind => FaultKind.Machine;

        public string Code => "T0001";

        public string Parameter => "Seed";

        public Sentence Text => "⟦Seed⟧ is odd.";

        public Sentence Remedy => "leave ⟦Seed⟧ out";
    }
}
