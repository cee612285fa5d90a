using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace LatentSync.Attention.Problems;

/// <summary>Checks whose text is written only when they fail: a call that is right allocates nothing.</summary>
internal static class Requirement
{
    /// <summary>Throws unless something holds.</summary>
    /// <param name="holds">Whether it holds.</param>
    /// <param name="subject">What was asked: the message's beginning.</param>
    /// <param name="found">What was found.</param>
    /// <param name="required">What is required.</param>
    /// <param name="parameter">The argument that is to blame; null when there is no single one.</param>
    /// <exception cref="ArgumentException">It does not hold.</exception>
    internal static void That(
        [DoesNotReturnIf(false)] bool holds,
        string subject,
        [InterpolatedStringHandlerArgument(nameof(holds))] ref FailureText found,
        [InterpolatedStringHandlerArgument(nameof(holds))] ref FailureText required,
        string? parameter = null
    )
    {
        if (!holds)
        {
            Throw(subject, found.ToString(), required.ToString(), parameter);
        }
    }

    /// <inheritdoc cref="That(bool, string, ref FailureText, ref FailureText, string?)"/>
    internal static void That(
        [DoesNotReturnIf(false)] bool holds,
        string subject,
        [InterpolatedStringHandlerArgument(nameof(holds))] ref FailureText found,
        string required,
        string? parameter = null
    )
    {
        if (!holds)
        {
            Throw(subject, found.ToString(), required, parameter);
        }
    }

    [DoesNotReturn]
    private static void Throw(string subject, string found, string required, string? parameter) =>
        throw new ArgumentException($"{subject}: found {found}; required: {required}.", parameter);

    /// <summary>A text that is only put together when the check before it failed.</summary>
    [InterpolatedStringHandler]
    internal ref struct FailureText
    {
        private DefaultInterpolatedStringHandler _text;

        /// <summary>Called by the compiler.</summary>
        public FailureText(int literalLength, int formattedCount, bool holds, out bool isNeeded)
        {
            isNeeded = !holds;
            if (isNeeded)
            {
                _text = new DefaultInterpolatedStringHandler(literalLength, formattedCount, CultureInfo.InvariantCulture);
            }
        }

        /// <summary>Called by the compiler.</summary>
        public void AppendLiteral(string text) => _text.AppendLiteral(text);

        /// <summary>Called by the compiler.</summary>
        public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

        /// <summary>Called by the compiler: lengths or strides, as "(2, 8, 64, 40)".</summary>
        public void AppendFormatted(scoped ReadOnlySpan<nint> numbers)
        {
            _text.AppendLiteral("(");
            for (int i = 0; i < numbers.Length; i++)
            {
                _text.AppendLiteral(i == 0 ? "" : ", ");
                _text.AppendFormatted(numbers[i]);
            }
            _text.AppendLiteral(")");
        }

        /// <inheritdoc/>
        public override string ToString() => _text.ToStringAndClear();
    }
}
